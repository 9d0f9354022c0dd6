"""A container engine as far as its command line goes: `run` executes a folder's `bootstrap` as the image of its name.

No image, no isolation: what is tested with it is how mrak talks to an engine.
"""

ENGINE = """#!{python}
import json, os, signal, subprocess, sys

images = {images!r}
command, *rest = sys.argv[1:]
if command == "info":
    sys.exit(0 if os.path.exists(images) else 1)
if command == "kill":
    with open(os.path.join(images, rest[0] + ".pid")) as file:
        os.kill(int(file.read()), signal.SIGKILL)
    sys.exit(0)
assert command == "run", command
options, flags = {{}}, ("--rm", "--read-only")
variables = []
while rest[0].startswith("--"):
    option = rest.pop(0)
    if option in flags:
        continue
    value = rest.pop(0)
    if option == "--env":
        variables.append(value)
    options[option] = value
image, *arguments = rest
with open(os.path.join(images, "runs.json"), "a") as file:
    file.write(json.dumps({{"options": options, "image": image, "arguments": arguments}}) + "\\n")
program = os.path.join(images, image, "bootstrap")
if not os.path.exists(program):
    print(f"Unable to find image '{{image}}' locally")
    sys.exit(125)
child = subprocess.Popen([program, *arguments], env={{name: os.environ[name] for name in variables}})
with open(os.path.join(images, options["--name"] + ".pid"), "w") as file:
    file.write(str(child.pid))
code = child.wait()
sys.exit(128 - code if code < 0 else code)
"""

RUNTIME = """#!{python}
import json, os, sys, time, urllib.request

def ask(path, body=None):
    url = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime" + path
    with urllib.request.urlopen(urllib.request.Request(url, data=body)) as answer:
        return answer.headers, answer.read()

while True:
    headers, event = ask("/invocation/next")
    event = json.loads(event)
    print("seen", flush=True)
    if event == "exit":
        sys.exit(3)
    if event == "sleep":
        time.sleep(60)
    told = {{"event": event, "arguments": sys.argv[1:], "name": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}}
    ask("/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"] + "/response", json.dumps(told).encode())
"""
