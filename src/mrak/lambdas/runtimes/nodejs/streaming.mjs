// Response streaming: `awslambda.streamifyResponse` and `awslambda.HttpResponseStream`, globals of AWS's runtime.
// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
import { Writable } from "node:stream";

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8);

export function isStreaming(handler) {
  return handler[STREAMING] !== undefined;
}

export class ResponseStream extends Writable {
  constructor(api, id) {
    super({ highWaterMark: 64 * 1024 });
    this.api = api;
    this.id = id;
    this.contentType = "application/octet-stream";
    this.begun = false;
  }

  setContentType(contentType) {
    this.contentType = contentType;
  }

  begin() {
    if (this.begun) return;
    this.begun = true;
    this.api.beginStream(this.id, this.contentType);
  }

  _write(chunk, encoding, done) {
    this.begin();
    this.api.writeChunk(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk, encoding), () => done());
  }

  /** After the handler: what was written leaves, and the response ends. */
  async finish() {
    if (!this.writableEnded) this.end();
    if (!this.writableFinished) await new Promise((resolve) => this.once("finish", resolve));
    this.begin();
    await this.api.endStream(undefined);
  }

  /** An error ends the response, also one that came before its first byte. */
  async fail(shape) {
    this.begin();
    await this.api.endStream({ errorType: shape.errorType, errorMessage: shape.errorMessage, trace: shape.stack });
  }
}

export function installAwslambda() {
  globalThis.awslambda = {
    streamifyResponse(handler, options) {
      handler[STREAMING] = options?.highWaterMark ?? true;
      return handler;
    },
    HttpResponseStream: class HttpResponseStream {
      /** Puts status and headers before the body, divided from it by eight zero bytes. */
      static from(stream, prelude) {
        stream.setContentType(HTTP_INTEGRATION);
        stream.write(Buffer.concat([Buffer.from(JSON.stringify(prelude)), PRELUDE_END]));
        return stream;
      }
    },
  };
}
