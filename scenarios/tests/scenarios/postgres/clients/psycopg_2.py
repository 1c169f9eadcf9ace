"""What psycopg 2 does through the door. Told by one line for each thing that went as it should."""

import io
import select
import sys
import threading

import psycopg2
import psycopg2.extensions

where, refused = sys.argv[1], sys.argv[2]


def walk():
    connection = psycopg2.connect(where)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT current_user, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    print("seen:", *cursor.fetchone())

    cursor.execute("CREATE TEMP TABLE copied (n int, word text)")
    lines = "".join("%d\tword %d\n" % (n, n) for n in range(10_000))
    cursor.copy_expert("COPY copied FROM STDIN", io.StringIO(lines))
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT * FROM copied ORDER BY n) TO STDOUT", out)
    assert out.getvalue() == lines
    print("copied")

    cursor.execute("LISTEN news")
    other = psycopg2.connect(where)
    other.autocommit = True
    other.cursor().execute("NOTIFY news, 'hello'")
    while not connection.notifies:
        assert select.select([connection], [], [], 30)[0], "nobody told"
        connection.poll()
    heard = connection.notifies.pop()
    assert (heard.channel, heard.payload) == ("news", "hello"), heard
    print("notified")

    # Again and again: one that comes before the statement has begun is heard by nobody.
    over = threading.Event()

    def cancel():
        while not over.wait(0.2):
            connection.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    try:
        cursor.execute("SELECT pg_sleep(60)")
    except psycopg2.extensions.QueryCanceledError:
        print("cancelled")
    finally:
        over.set()
        canceller.join()


def refusal():
    try:
        psycopg2.connect(refused)
    except psycopg2.OperationalError as error:
        print("refused:", str(error).replace("\n", " | "))


walk()
refusal()
