// Finds the handler `path/module.function` among the function's files: CommonJS or ES module.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const FORM = /^([^.]*)\.(.*)$/;

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

export async function loadHandler(root, name) {
  const { dir, base } = path.parse(name);
  const found = base.match(FORM);
  if (!found || !found[1] || !found[2]) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  if (name.includes("..")) {
    const advice = "Use absolute paths when specifying root directories in handler names.";
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name. ${advice}`);
  }
  const module = path.posix.join(dir, found[1]);
  const exported = await load(path.resolve(root, dir, found[1]), module);
  const handler = dig(exported, found[2]) ?? dig(exported.default, found[2]);
  if (handler === undefined) throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  return handler;
}

function dig(value, names) {
  return names.split(".").reduce((inner, name) => inner?.[name], value);
}

async function load(file, module) {
  const require = createRequire(`${file}.js`);
  try {
    if (fs.existsSync(`${file}.js`)) {
      return isModule(`${file}.js`) ? await import(pathToFileURL(`${file}.js`)) : require(`${file}.js`);
    }
    if (fs.existsSync(`${file}.mjs`)) return await import(pathToFileURL(`${file}.mjs`));
    if (fs.existsSync(`${file}.cjs`)) return require(`${file}.cjs`);
    return require(file);
  } catch (error) {
    throw translate(error, file, module);
  }
}

function translate(error, file, module) {
  if (error instanceof SyntaxError) {
    const wrapped = new RuntimeError("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    wrapped.stack = error.stack;
    return wrapped;
  }
  if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
    const own = error.message.includes(`'${file}'`);
    const missing = own ? `Cannot find module '${module}'` : error.message.split("\n")[0];
    const stack = own ? ["/var/runtime/index.mjs"] : (error.requireStack ?? []);
    const text = stack.length > 0 ? `\nRequire stack:\n${stack.map((entry) => `- ${entry}`).join("\n")}` : "";
    const wrapped = new RuntimeError("Runtime.ImportModuleError", `Error: ${missing}${text}`);
    wrapped.stack = error.stack;
    return wrapped;
  }
  return error;
}

/** Whether Node takes a .js file for an ES module: the nearest package.json says so. */
function isModule(file) {
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    const manifest = path.join(dir, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (dir === path.dirname(dir)) return false;
  }
}
