CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
INSERT INTO notes (body) VALUES ('the first note'), ('the second note');
SELECT count(*) AS notes FROM notes;
