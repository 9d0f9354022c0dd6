"""Abaku as its developers and users reach it: deployed by `mrak deploy`, used through AWS's own clients and the page's
address. The demo tells a story with it, and the tests of mrak drive it."""

from __future__ import annotations

import http.client
import json
import mimetypes
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import boto3
from pycognito.aws_srp import AWSSRP

HERE = Path(__file__).resolve().parent
CONTEXTS = ("accounts", "invoicing", "payments", "collection", "web")
T = TypeVar("T")


def install_node_modules(folder: Path) -> Path:
    """The AWS SDK for JavaScript, which AWS's Node.js runtime brings and mrak takes from MRAK_NODE_MODULES."""
    if shutil.which("npm") is None:
        raise RuntimeError("Abaku has Node.js functions, whose SDK npm installs: apt-get install nodejs npm")
    wanted = (HERE / "package.json").read_text()
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HERE / "package.json", folder / "package.json")
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=folder, check=True, timeout=600)
        installed.write_text(wanted)
    return folder / "node_modules"


def until(look: Callable[[], T], what: str, seconds: float = 30) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds:.0f} seconds")
        time.sleep(0.05)
    return found


class Abaku:
    """The application in one sandbox. `environ` is what `eval "$(mrak use SANDBOX)"` exports."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)
        self.endpoint = environ["AWS_ENDPOINT_URL"]
        self.sandbox = environ["MRAK_ENVIRONMENT"]
        self.outputs: dict[str, dict[str, str]] = {}

    def client(self, service: str, keys: Mapping[str, str] | None = None) -> Any:
        """A boto3 client: of the developer, or of whoever has these keys."""
        keys = keys or {
            "AccessKeyId": self.environ["AWS_ACCESS_KEY_ID"],
            "SecretKey": self.environ["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.environ["AWS_REGION"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretKey"],
            aws_session_token=keys.get("SessionToken"),
        )

    def mrak(self, *arguments: str) -> str:
        """Runs the command line; what it printed."""
        command = [sys.executable, "-m", "mrak", *arguments]
        environ = {**os.environ, **self.environ}
        ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise RuntimeError(f"mrak {' '.join(arguments)} failed:\n{ended.stdout}{ended.stderr}")
        return ended.stdout

    # --- deploying ---

    def deploy(self) -> None:
        """All contexts in an order in which each finds the exports that it imports, then the page's files."""
        where = f"LocalEndpoint={urlsplit(self.endpoint).netloc}"
        for context in CONTEXTS:
            options = ["--parameter", where] if context in ("accounts", "web") else []
            self.mrak("deploy", str(HERE / context), "--stack", f"abaku-{context}", *options)
        self.look_up()
        self.upload_site()

    def look_up(self) -> None:
        """The outputs of all stacks."""
        cloudformation = self.client("cloudformation")
        for context in CONTEXTS:
            (stack,) = cloudformation.describe_stacks(StackName=f"abaku-{context}")["Stacks"]
            self.outputs[context] = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}

    def upload_site(self) -> None:
        """What `aws s3 sync` and `aws cloudfront create-invalidation` would do."""
        web = self.outputs["web"]
        files = {path.name: path.read_bytes() for path in (HERE / "web" / "site").iterdir()}
        files["config.json"] = web["Config"].encode()
        s3 = self.client("s3")
        for name, body in files.items():
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            s3.put_object(Bucket=web["Site"], Key=name, Body=body, ContentType=kind)
        batch = {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())}
        self.client("cloudfront").create_invalidation(DistributionId=web["Distribution"], InvalidationBatch=batch)

    @property
    def url(self) -> str:
        return self.outputs["web"]["Url"]

    # --- using ---

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """One HTTP request. Names under .localhost are this machine, also where the system does not know them."""
        asked, server = urlsplit(url), urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(server.hostname or "", server.port, timeout=30)
        path = f"{asked.path or '/'}?{asked.query}" if asked.query else asked.path or "/"
        try:
            connection.request(method, path, body, {"Host": asked.netloc, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()

    def sign_up(self, firm: str, email: str, password: str) -> Firm:
        """Opens an account with the code from the mail, and signs in."""
        cognito, client_id = self.client("cognito-idp"), self.outputs["accounts"]["ProgramsClientId"]
        attributes = [{"Name": "email", "Value": email}, {"Name": "name", "Value": firm}]
        cognito.sign_up(ClientId=client_id, Username=email, Password=password, UserAttributes=attributes)
        mail = until(lambda: [m for m in self.outbox() if m["to"] == email], f"a mail to {email}")[0]
        code = re.search(r"Your code is (\d+)", mail["body"])
        assert code is not None, mail
        cognito.confirm_sign_up(ClientId=client_id, Username=email, ConfirmationCode=code[1])
        made = Firm(self, email, password)
        made.sign_in()
        return made

    def confirm_subscriptions(self) -> list[str]:
        """Follows the links in the mails of SNS, as the people who get them do; who got one."""
        confirmed = []
        for mail in self.outbox():
            link = re.search(r"http\S+Action=ConfirmSubscription\S+", mail["body"])
            if link is not None:
                status, answer, _ = self.request("GET", link[0])
                assert status == 200, answer
                confirmed.append(mail["to"])
        return confirmed

    # --- looking ---

    def outbox(self) -> list[dict[str, Any]]:
        """Mails and texts that would have left the machine, newest first."""
        return self._page("outbox", limit="1000")["messages"]

    def bill(self, **asked: str) -> dict[str, Any]:
        return self._page("bill", **asked)

    def _page(self, name: str, **asked: str) -> Any:
        query = urlencode({"environment": self.sandbox, **asked})
        with urllib.request.urlopen(f"{self.endpoint}/_mrak/{name}?{query}", timeout=30) as answer:
            return json.load(answer)

    def workflows(self) -> dict[str, dict[str, Any]]:
        """The execution of each invoice: its description with the states that it entered."""
        states = self.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self.outputs["collection"]["Collect"])
        found = {}
        for execution in [row for page in pages for row in page["executions"]]:
            shown = states.describe_execution(executionArn=execution["executionArn"])
            history = states.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)["events"]
            entered = [
                event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event
            ]
            invoice = json.loads(shown["input"])["detail"]
            found[f"{invoice['owner']}/{invoice['number']}"] = {**shown, "states": entered}
        return found


class Firm:
    """A user of the application: the page's API with its token, and AWS with its own credentials."""

    def __init__(self, abaku: Abaku, email: str, password: str) -> None:
        self.abaku = abaku
        self.email = email
        self.password = password
        self.tokens: dict[str, str] = {}

    def sign_in(self) -> None:
        """By SRP: the password does not leave the machine."""
        accounts = self.abaku.outputs["accounts"]
        proof = AWSSRP(
            username=self.email,
            password=self.password,
            pool_id=accounts["UserPoolId"],
            client_id=accounts["ProgramsClientId"],
            client=self.abaku.client("cognito-idp"),
        )
        self.tokens = proof.authenticate_user()["AuthenticationResult"]

    @property
    def owner(self) -> str:
        client = self.abaku.client("cognito-idp")
        attributes = client.get_user(AccessToken=self.tokens["AccessToken"])["UserAttributes"]
        return next(item["Value"] for item in attributes if item["Name"] == "sub")

    def ask(self, method: str, path: str, content: Any = None) -> tuple[int, Any, http.client.HTTPMessage]:
        """The API, by the page's address: through CloudFront."""
        headers = {"authorization": self.tokens["IdToken"], "content-type": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        status, answer, shown = self.abaku.request(method, f"{self.abaku.url}api{path}", body, headers)
        return status, json.loads(answer), shown

    def issue(self, customer: str, phone: str, text: str, price_cents: int) -> dict[str, Any]:
        """An invoice, with the id of the trace that began with it."""
        lines = [{"text": text, "quantity": 1, "unitPriceCents": price_cents}]
        draft = {"customer": {"name": customer, "phone": phone}, "lines": lines}
        status, invoice, headers = self.ask("POST", "/invoices", draft)
        assert status == 201, invoice
        trace = re.search(r"Root=([^;]+)", headers["X-Amzn-Trace-Id"])
        assert trace is not None
        return {**invoice, "trace": trace[1]}

    def invoice(self, number: str) -> dict[str, Any]:
        status, invoice, _ = self.ask("GET", f"/invoices/{number}")
        assert status == 200, invoice
        return invoice

    def credentials(self) -> dict[str, str]:
        """AWS credentials of the user, from the identity pool."""
        accounts, identities = self.abaku.outputs["accounts"], self.abaku.client("cognito-identity")
        region = self.abaku.environ["AWS_REGION"]
        logins = {f"cognito-idp.{region}.amazonaws.com/{accounts['UserPoolId']}": self.tokens["IdToken"]}
        identity = identities.get_id(IdentityPoolId=accounts["IdentityPoolId"], Logins=logins)["IdentityId"]
        return identities.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]

    def drop_statement(self, name: str, *rows: str) -> None:
        """A bank statement (id,date,amount,currency,reference,payer) into the firm's own folder."""
        text = "\n".join(["id,date,amount,currency,reference,payer", *rows, ""])
        bucket = self.abaku.outputs["payments"]["Statements"]
        s3 = self.abaku.client("s3", self.credentials())
        s3.put_object(Bucket=bucket, Key=f"{self.owner}/{name}.csv", Body=text.encode(), ContentType="text/csv")
