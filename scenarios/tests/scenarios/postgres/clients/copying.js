// COPY with node-postgres: a query object answers the driver's events of the protocol by itself.

const { Query } = require("pg");

class Copying extends Query {
  constructor(text, given, done) {
    super(text);
    this.given = given;
    this.taken = [];
    this.callback = (error) => done(error, Buffer.concat(this.taken).toString());
  }

  handleCopyInResponse(connection) {
    connection.sendCopyFromChunk(Buffer.from(this.given));
    connection.endCopyFrom();
  }

  handleCopyData(message) {
    this.taken.push(Buffer.from(message.chunk));
  }
}

function run(client, text, given) {
  return new Promise((resolve, reject) => {
    client.query(new Copying(text, given, (error, taken) => (error ? reject(error) : resolve(taken))));
  });
}

exports.from = (client, text, given) => run(client, text, given);
exports.to = (client, text) => run(client, text, "");
