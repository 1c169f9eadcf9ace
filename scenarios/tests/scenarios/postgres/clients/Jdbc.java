// What the JDBC driver does through the door. Told by one line for each thing that went as it should.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Timer;
import java.util.TimerTask;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PSQLException;

public class Jdbc {
    public static void main(String[] given) throws Exception {
        try (Connection own = DriverManager.getConnection(given[0])) {
            seen(own);
            extended(own);
            copied(own);
            notified(own, given[0]);
            batched(own);
            cancelled(own);
        }
        try {
            DriverManager.getConnection(given[1]).close();
        } catch (PSQLException refused) {
            var said = refused.getServerErrorMessage();
            System.out.println("refused: " + refused.getSQLState() + " " + said.getMessage() + " | " + said.getDetail() + " | " + said.getHint());
        }
    }

    static void seen(Connection own) throws SQLException {
        try (Statement statement = own.createStatement();
                ResultSet row = statement.executeQuery(
                        "SELECT current_user, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")) {
            row.next();
            System.out.println("seen: " + row.getString(1) + " " + row.getBoolean(2) + " " + row.getString(3));
        }
    }

    static void extended(Connection own) throws SQLException {
        try (PreparedStatement statement = own.prepareStatement("SELECT ?::int + 1, ?::text")) {
            // Past the fifth time the driver prepares it on the server.
            for (int n = 0; n < 10; n++) {
                statement.setInt(1, n);
                statement.setString(2, "é");
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    must(row.getInt(1) == n + 1 && row.getString(2).equals("é"));
                }
            }
        }
        System.out.println("extended");
    }

    static void copied(Connection own) throws Exception {
        try (Statement statement = own.createStatement()) {
            statement.execute("CREATE TEMP TABLE copied (n int, word text)");
        }
        StringBuilder lines = new StringBuilder();
        for (int n = 0; n < 10_000; n++) lines.append(n).append("\tword ").append(n).append('\n');
        CopyManager copy = own.unwrap(PGConnection.class).getCopyAPI();
        must(copy.copyIn("COPY copied FROM STDIN", new StringReader(lines.toString())) == 10_000);
        StringWriter out = new StringWriter();
        copy.copyOut("COPY (SELECT * FROM copied ORDER BY n) TO STDOUT", out);
        must(out.toString().equals(lines.toString()));
        System.out.println("copied");
    }

    static void notified(Connection own, String where) throws SQLException {
        own.createStatement().execute("LISTEN news");
        try (Connection other = DriverManager.getConnection(where)) {
            other.createStatement().execute("NOTIFY news, 'hello'");
        }
        PGNotification[] heard = own.unwrap(PGConnection.class).getNotifications(30_000);
        must(heard.length == 1 && heard[0].getName().equals("news") && heard[0].getParameter().equals("hello"));
        System.out.println("notified");
    }

    /** The driver sends a batch in one go and reads the answers afterwards. */
    static void batched(Connection own) throws SQLException {
        try (PreparedStatement statement = own.prepareStatement("INSERT INTO copied VALUES (?, 'batch')")) {
            for (int n = 0; n < 1_000; n++) {
                statement.setInt(1, n);
                statement.addBatch();
            }
            must(statement.executeBatch().length == 1_000);
        }
        System.out.println("pipelined");
    }

    static void cancelled(Connection own) throws SQLException {
        Timer timer = new Timer(true);
        try (Statement statement = own.createStatement()) {
            // Again and again: one that comes before the statement has begun is heard by nobody.
            timer.schedule(new TimerTask() {
                @Override
                public void run() {
                    try {
                        statement.cancel();
                    } catch (SQLException ended) {
                        timer.cancel();
                    }
                }
            }, 200, 200);
            statement.execute("SELECT pg_sleep(60)");
        } catch (PSQLException cancelled) {
            must("57014".equals(cancelled.getSQLState()));
            System.out.println("cancelled");
        } finally {
            timer.cancel();
        }
    }

    static void must(boolean holds) {
        if (!holds) throw new AssertionError();
    }
}
