"""What psycopg 3 does through the door. Told by one line for each thing that went as it should."""

import sys
import threading

import psycopg

where, refused = sys.argv[1], sys.argv[2]


def walk():
    with psycopg.connect(where, autocommit=True) as connection:
        told = connection.execute(
            "SELECT current_user, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
        print("seen:", *told.fetchone())

        # The extended protocol: parameters, and a statement that is prepared by its name.
        for n in range(3):
            row = connection.execute("SELECT %s::int + 1, %s::text", (n, "é"), prepare=True).fetchone()
            assert row == (n + 1, "é"), row
        print("extended")

        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE copied (n int, word text)")
            with cursor.copy("COPY copied FROM STDIN") as copy:
                for n in range(10_000):
                    copy.write_row((n, "word %d" % n))
            with cursor.copy("COPY (SELECT * FROM copied ORDER BY n) TO STDOUT") as copy:
                rows = list(copy.rows())
        assert len(rows) == 10_000 and rows[-1] == ("9999", "word 9999"), rows[-1]
        print("copied")

        connection.execute("LISTEN news")
        with psycopg.connect(where, autocommit=True) as other:
            other.execute("NOTIFY news, 'hello'")
        heard = next(connection.notifies())
        assert (heard.channel, heard.payload) == ("news", "hello"), heard
        print("notified")

        with connection.pipeline():
            cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(100)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
        print("pipelined")

        # Again and again: one that comes before the statement has begun is heard by nobody.
        over = threading.Event()

        def cancel():
            while not over.wait(0.2):
                connection.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        try:
            connection.execute("SELECT pg_sleep(60)")
        except psycopg.errors.QueryCanceled:
            print("cancelled")
        finally:
            over.set()
            canceller.join()


def refusal():
    try:
        psycopg.connect(refused)
    except psycopg.OperationalError as error:
        print("refused:", str(error).replace("\n", " | "))


walk()
refusal()
