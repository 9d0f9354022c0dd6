// A lean HTTP client of the Runtime API on one inherited socket. An answer and the request for the next invocation
// leave in one packet.
import net from "node:net";

const PREFIX = "/2018-06-01/runtime";
const NEXT = `GET ${PREFIX}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n`;
const HEAD_END = Buffer.from("\r\n\r\n");

export class Api {
  constructor(descriptor) {
    this.socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
    this.buffer = Buffer.alloc(0);
    this.missing = 0;
    this.parts = [];
    this.held = 0;
    this.asked = false;
    this.waiters = [];
    this.socket.on("data", (data) => this.take(data));
    this.socket.on("error", () => process.exit(0)); // the server is gone, and with it the reason to live
    this.socket.on("close", () => process.exit(0));
  }

  hold() {
    this.socket.ref();
  }

  release() {
    this.socket.unref();
  }

  async receiveInvocation() {
    if (!this.asked) this.socket.write(NEXT);
    this.asked = false;
    return this.answer();
  }

  async respond(id, text) {
    const body = Buffer.from(text, "utf8");
    const head = `POST ${PREFIX}/invocation/${id}/response HTTP/1.1\r\nHost: runtime\r\nContent-Length: ${body.length}\r\n\r\n`;
    this.socket.write(Buffer.concat([Buffer.from(head), body, Buffer.from(NEXT)]));
    this.asked = true;
    await this.answer();
  }

  /** Posts an error; with `goesOn`, the request for the next invocation leaves with it. */
  async fail(path, error, goesOn = false) {
    const body = Buffer.from(JSON.stringify(error), "utf8");
    const kind = String(error.errorType).replace(/[^\x20-\x7e]/g, "?");
    const head =
      `POST ${PREFIX}${path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n` +
      `Lambda-Runtime-Function-Error-Type: ${kind}\r\nContent-Length: ${body.length}\r\n\r\n`;
    this.socket.write(Buffer.concat([Buffer.from(head), body, Buffer.from(goesOn ? NEXT : "")]));
    this.asked = goesOn;
    await this.answer();
  }

  beginStream(id, contentType) {
    this.socket.write(
      `POST ${PREFIX}/invocation/${id}/response HTTP/1.1\r\nHost: runtime\r\nContent-Type: ${contentType}\r\n` +
        "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n" +
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n",
    );
  }

  writeChunk(chunk, done) {
    if (chunk.length === 0) return done();
    const head = Buffer.from(`${chunk.length.toString(16)}\r\n`);
    return this.socket.write(Buffer.concat([head, chunk, Buffer.from("\r\n")]), done);
  }

  async endStream(error) {
    let trailers = "";
    if (error) {
      const body = Buffer.from(JSON.stringify(error), "utf8").toString("base64");
      trailers = `Lambda-Runtime-Function-Error-Type: ${error.errorType}\r\nLambda-Runtime-Function-Error-Body: ${body}\r\n`;
    }
    this.socket.write(`0\r\n${trailers}\r\n`);
    await this.answer();
  }

  answer() {
    return new Promise((resolve) => {
      this.waiters.push(resolve);
      this.parse();
    });
  }

  take(data) {
    this.parts.push(data);
    this.held += data.length;
    if (this.held >= this.missing) this.parse();
  }

  parse() {
    while (this.waiters.length > 0 && this.held > 0) {
      if (this.parts.length > 0) {
        this.buffer = Buffer.concat([this.buffer, ...this.parts]);
        this.parts = [];
      }
      const end = this.buffer.indexOf(HEAD_END);
      if (end < 0) return;
      const headers = parseHead(this.buffer.toString("latin1", 0, end));
      const total = end + 4 + Number(headers["content-length"] ?? 0);
      this.missing = total;
      if (this.buffer.length < total) return;
      const body = this.buffer.toString("utf8", end + 4, total);
      this.buffer = this.buffer.subarray(total);
      this.held = this.buffer.length;
      this.missing = 0;
      this.waiters.shift()({ headers, body });
    }
  }
}

function parseHead(text) {
  const headers = {};
  for (const line of text.split("\r\n").slice(1)) {
    const at = line.indexOf(":");
    const value = Buffer.from(line.slice(at + 1).trim(), "latin1").toString("utf8");
    headers[line.slice(0, at).toLowerCase()] = value;
  }
  return headers;
}
