// What node-postgres does through the door. Told by one line for each thing that went as it should.

const fs = require("node:fs");
const assert = require("node:assert");
const { Client } = require("pg");
const { from, to } = require("./copying.js");

const [host, port, ca, cert, key, user, database, refused] = process.argv.slice(2);

function client(database) {
  const ssl = {
    ca: fs.readFileSync(ca),
    cert: fs.readFileSync(cert),
    key: fs.readFileSync(key),
    rejectUnauthorized: true,
  };
  return new Client({ host, port: Number(port), user, database, ssl });
}

async function walk() {
  const own = client(database);
  await own.connect();
  const seen = await own.query(
    "SELECT current_user AS who, ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
  );
  console.log("seen:", seen.rows[0].who, seen.rows[0].ssl, seen.rows[0].client_dn);

  for (let n = 0; n < 3; n++) {
    const { rows } = await own.query({ name: "sum", text: "SELECT $1::int + 1 AS n, $2::text AS word", values: [n, "é"] });
    assert.deepStrictEqual(rows, [{ n: n + 1, word: "é" }]);
  }
  console.log("extended");

  await own.query("CREATE TEMP TABLE copied (n int, word text)");
  let lines = "";
  for (let n = 0; n < 10000; n++) lines += `${n}\tword ${n}\n`;
  await from(own, "COPY copied FROM STDIN", lines);
  assert.strictEqual(await to(own, "COPY (SELECT * FROM copied ORDER BY n) TO STDOUT"), lines);
  console.log("copied");

  const heard = new Promise((resolve) => own.once("notification", resolve));
  await own.query("LISTEN news");
  const other = client(database);
  await other.connect();
  await other.query("NOTIFY news, 'hello'");
  const { channel, payload } = await heard;
  assert.deepStrictEqual([channel, payload], ["news", "hello"]);
  console.log("notified");

  const many = [];
  for (let n = 0; n < 100; n++) many.push(own.query("SELECT $1::int AS n", [n]));
  const answers = await Promise.all(many);
  assert.deepStrictEqual(answers.map(({ rows }) => rows[0].n), Array.from({ length: 100 }, (_, n) => n));
  console.log("queued");

  const pid = (await own.query("SELECT pg_backend_pid() AS pid")).rows[0].pid;
  const slow = own.query("SELECT pg_sleep(60)").then(() => "finished", (error) => error.code);
  // The driver has no cancel over TLS: the server's own function does the same.
  const again = setInterval(() => other.query("SELECT pg_cancel_backend($1)", [pid]).catch(() => {}), 200);
  assert.strictEqual(await slow, "57014");
  clearInterval(again);
  console.log("cancelled");

  await own.end();
  await other.end();
}

async function refusal() {
  try {
    await client(refused).connect();
  } catch (error) {
    console.log("refused:", error.code, error.message, "|", error.detail, "|", error.hint);
  }
}

walk()
  .then(refusal)
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
