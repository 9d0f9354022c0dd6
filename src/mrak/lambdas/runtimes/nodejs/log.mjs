// What AWS's Node.js runtime does to the console: each call is one log event with time, request id and level, in
// Text or JSON. A frame (magic, length, time) tells the server where an event begins and ends.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
import fs from "node:fs";
import { format } from "node:util";

const MAGIC = 0xa55a0003;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const AS_JSON = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const LOWEST = AS_JSON ? Math.max(LEVELS.indexOf((process.env.AWS_LAMBDA_LOG_LEVEL ?? "").toUpperCase()), 0) : 0;

export function writeFrame(text) {
  const body = Buffer.from(text, "utf8");
  const frame = Buffer.alloc(16 + body.length);
  frame.writeUInt32BE(MAGIC, 0);
  frame.writeUInt32BE(body.length, 4);
  frame.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
  body.copy(frame, 16);
  let written = 0;
  while (written < frame.length) {
    try {
      written += fs.writeSync(1, frame, written);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error; // the pipe is full: try again until the server has read
    }
  }
}

export function patchConsole(requestId) {
  const levels = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => write(level, values, requestId());
  }
  console.fatal = (...values) => write("FATAL", values, requestId());
}

function write(level, values, id) {
  if (LEVELS.indexOf(level) < LOWEST) return;
  const time = new Date().toISOString();
  writeFrame(AS_JSON ? renderJson(level, values, id, time) : `${time}\t${id}\t${level}\t${format(...values)}\n`);
}

function renderJson(level, values, id, time) {
  const entry = { timestamp: time, level, requestId: id };
  if (values.length === 1 && typeof values[0] === "object" && values[0] !== null && !(values[0] instanceof Error)) {
    entry.message = values[0];
  } else {
    entry.message = format(...values);
    const error = values.find((value) => value instanceof Error);
    if (error) {
      entry.errorType = error.name;
      entry.errorMessage = error.message;
      entry.stackTrace = (error.stack ?? "").split("\n");
    }
  }
  return `${JSON.stringify(entry, (_, value) => (typeof value === "bigint" ? value.toString() : value))}\n`;
}

/** An error in AWS's shape, as it is logged (`stack`) and, with `trace` in its place, posted. */
export function describe(error) {
  if (!(error instanceof Error) && typeof error?.stack !== "string") {
    return { errorType: typeof error, errorMessage: String(error), stack: [] };
  }
  const shape = { errorType: error.name, errorMessage: error.message };
  for (const key of ["code", "cause", "reason"]) {
    if (error[key] !== undefined) shape[key] = error[key] instanceof Error ? describe(error[key]) : error[key];
  }
  shape.stack = (error.stack ?? "").split("\n");
  return shape;
}

/** An error that ends an invocation, as AWS's runtime logs it. */
export function say(level, label, shape, id) {
  const time = new Date().toISOString();
  if (AS_JSON) {
    const { stack, ...rest } = shape;
    const message = { ...rest, stackTrace: stack };
    writeFrame(`${JSON.stringify({ timestamp: time, level, requestId: id, message })}\n`);
  } else {
    writeFrame(`${time}\t${id}\t${level}\t${label} \t${JSON.stringify(shape)}\n`);
  }
}
