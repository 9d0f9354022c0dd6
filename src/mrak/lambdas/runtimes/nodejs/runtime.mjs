// The Node.js runtime: loads a handler and serves the Runtime API, as AWS's own does towards the function.
// Started as `node runtime.mjs FD`; speaks the Runtime API over the inherited socket FD.
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
import { answerByEndpoint } from "./answers.mjs";
import { Api } from "./api.mjs";
import { describe, patchConsole, say } from "./log.mjs";
import { loadHandler } from "./loader.mjs";
import { resolveLocalNames } from "./names.mjs";
import { installAwslambda, isStreaming, ResponseStream } from "./streaming.mjs";

const api = new Api(Number(process.argv[2]));
process.argv.splice(2);
answerByEndpoint();
let current = null; // the invocation under way

class Invocation {
  constructor({ headers, body }) {
    this.headers = headers;
    this.body = body;
    this.id = headers["lambda-runtime-aws-request-id"];
    this.deadline = Number(headers["lambda-runtime-deadline-ms"]);
    this.waits = true;
    this.done = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.ended = false;
  }

  /** Settles the invocation once; what comes later is too late. */
  end(kind, value) {
    if (this.ended) return;
    this.ended = true;
    this.resolve({ kind, value });
  }

  /** A callback's result waits for the event loop to be empty, unless the function said not to. */
  endByCallback(error, value) {
    if (this.ended || this.pending) return;
    const kind = error === null || error === undefined ? "response" : "error";
    const result = kind === "error" ? error : value;
    if (this.waits) this.pending = { kind, value: result };
    else setImmediate(() => this.end(kind, result));
  }
}

function makeContext(invocation) {
  const { headers } = invocation;
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  const environment = process.env;
  return {
    get callbackWaitsForEmptyEventLoop() {
      return invocation.waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      invocation.waits = value;
    },
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers["lambda-runtime-client-context"]),
    identity: parse(headers["lambda-runtime-cognito-identity"]),
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: invocation.id,
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    getRemainingTimeInMillis: () => Math.max(invocation.deadline - Date.now(), 0),
    done: (error, value) => invocation.endByCallback(error, value),
    succeed: (value) => invocation.endByCallback(null, value),
    fail: (error) => invocation.endByCallback(error ?? "handled", undefined),
  };
}

async function serve(handler) {
  const streaming = isStreaming(handler);
  for (;;) {
    api.hold();
    const invocation = new Invocation(await api.receiveInvocation());
    current = invocation;
    setTrace(invocation);
    if (streaming) await serveStream(handler, invocation);
    else await serveWhole(handler, invocation);
    current = null;
  }
}

function setTrace(invocation) {
  const trace = invocation.headers["lambda-runtime-trace-id"];
  if (trace) process.env._X_AMZN_TRACE_ID = trace;
  else delete process.env._X_AMZN_TRACE_ID;
}

async function serveWhole(handler, invocation) {
  api.release(); // now only the function keeps the process busy
  call(handler, invocation);
  const { kind, value } = await invocation.done;
  api.hold();
  if (kind === "error") return report(invocation, value);
  let text;
  try {
    text = value === undefined ? "null" : JSON.stringify(value);
  } catch (error) {
    const wrapped = new Error(`Unable to stringify response body`);
    wrapped.name = "Runtime.MarshalError";
    wrapped.cause = error;
    return report(invocation, wrapped);
  }
  return api.respond(invocation.id, text ?? "null");
}

function call(handler, invocation) {
  try {
    const event = JSON.parse(invocation.body);
    const result = handler(event, makeContext(invocation), (error, value) => invocation.endByCallback(error, value));
    if (typeof result?.then === "function") {
      result.then(
        (value) => invocation.end("response", value),
        (error) => invocation.end("error", error),
      );
    }
  } catch (error) {
    invocation.end("error", error);
  }
}

async function serveStream(handler, invocation) {
  const stream = new ResponseStream(api, invocation.id);
  try {
    await handler(JSON.parse(invocation.body), stream, makeContext(invocation));
    await stream.finish();
  } catch (error) {
    say("ERROR", "Invoke Error", describe(error), invocation.id);
    await stream.fail(describe(error));
  }
}

function report(invocation, error) {
  const shape = describe(error);
  say("ERROR", "Invoke Error", shape, invocation.id);
  return api.fail(`/invocation/${invocation.id}/error`, wire(shape), true);
}

function wire(shape) {
  return { errorType: shape.errorType, errorMessage: shape.errorMessage, trace: shape.stack };
}

/** The event loop is empty: a callback's result can leave, and one that never came is null. */
process.on("beforeExit", () => {
  if (!current || current.ended) return;
  const { kind, value } = current.pending ?? { kind: "response", value: null };
  current.end(kind, value);
});

async function dieOf(error, label) {
  const shape = describe(error);
  const path = current ? `/invocation/${current.id}/error` : "/init/error";
  say("ERROR", label, shape, current?.id);
  api.hold();
  await api.fail(path, wire(shape));
  process.exit(129);
}

process.on("uncaughtException", (error) => dieOf(error, "Uncaught Exception"));
process.on("unhandledRejection", (reason) => {
  const error = new Error(reason instanceof Error ? reason.toString() : String(reason));
  error.name = "Runtime.UnhandledPromiseRejection";
  error.reason = reason;
  error.stack = reason?.stack ?? error.stack;
  dieOf(error, "Unhandled Promise Rejection");
});

async function main() {
  patchConsole(() => current?.id);
  resolveLocalNames();
  installAwslambda();
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    const shape = describe(error);
    say("ERROR", "Uncaught Exception", shape, undefined);
    await api.fail("/init/error", wire(shape));
    process.exit(1);
  }
  await serve(handler);
}

main();
