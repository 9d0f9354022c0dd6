"""User import jobs: a CSV file put to the job's URL becomes users."""

from __future__ import annotations

import csv
import io
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.conftest import error_of, until
from tests.contract.cognito import PASSWORD, App, new_app

ROLE = "arn:aws:iam::123456789012:role/import"


@pytest.fixture
def app(sandbox: Any) -> App:
    schema = [{"Name": "plan", "AttributeDataType": "String", "Mutable": True}]
    return new_app(sandbox, {"PoolName": "many", "AutoVerifiedAttributes": ["email"], "Schema": schema})


def create(app: App) -> dict[str, Any]:
    job = app.admin.create_user_import_job(JobName="first", UserPoolId=app.pool_id, CloudWatchLogsRoleArn=ROLE)
    return dict(job["UserImportJob"])


def put(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, body, {"x-amz-server-side-encryption": "aws:kms"}, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def file_of(app: App, *rows: dict[str, str]) -> bytes:
    header = app.admin.get_csv_header(UserPoolId=app.pool_id)["CSVHeader"]
    out = io.StringIO()
    writer = csv.DictWriter(out, header)
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
    return out.getvalue().encode()


def person(name: str, **more: str) -> dict[str, str]:
    email = {"email": f"{name}@example.com", "email_verified": "TRUE", "cognito:mfa_enabled": "FALSE"}
    return {"cognito:username": name, **email, **more}


def ended(app: App, job: dict[str, Any]) -> dict[str, Any]:
    about = {"UserPoolId": app.pool_id, "JobId": job["JobId"]}

    def look() -> dict[str, Any] | None:
        found = app.admin.describe_user_import_job(**about)["UserImportJob"]
        return None if found["Status"] in ("Pending", "InProgress") else dict(found)

    return until(look)


def test_lines_become_users_who_set_a_password(app: App) -> None:
    """More than one piece of lines; who is there is skipped, what is wrong fails, and the log says which."""
    header = app.admin.get_csv_header(UserPoolId=app.pool_id)["CSVHeader"]
    assert header[0] == "name" and header[-2:] == ["custom:plan", "cognito:username"] and "sub" not in header
    app.add_user("u3")
    job = create(app)
    assert (job["Status"], job["ImportedUsers"]) == ("Created", 0)
    rows = [person(f"u{number}", **{"custom:plan": "gold, or so"}) for number in range(120)]
    body = file_of(app, *rows, person("bad", email="nonsense"), person("unsure", email_verified="FALSE"))
    assert put(job["PreSignedUrl"], body) == 200
    about = {"UserPoolId": app.pool_id, "JobId": job["JobId"]}
    assert app.admin.start_user_import_job(**about)["UserImportJob"]["Status"] == "Pending"
    done = ended(app, job)
    assert (done["Status"], done["ImportedUsers"], done["SkippedUsers"], done["FailedUsers"]) == (
        "Succeeded",
        119,
        1,
        2,
    )
    assert done["CompletionDate"] >= done["StartDate"]
    user = app.admin.admin_get_user(UserPoolId=app.pool_id, Username="u119")
    values = {pair["Name"]: pair["Value"] for pair in user["UserAttributes"]}
    assert (user["UserStatus"], values["custom:plan"], values["email_verified"]) == (
        "RESET_REQUIRED",
        "gold, or so",
        "true",
    )
    group = f"/aws/cognito/userpools/{app.pool_id}/many"
    events = app.sandbox.client("logs").filter_log_events(logGroupName=group)["events"]
    lines = {event["message"].partition(" - ")[0] for event in events}
    assert {"[SUCCEEDED] Line Number 1", "[SKIPPED] Line Number 4", "[FAILED] Line Number 121"} <= lines

    who = {"ClientId": app.client_id, "Username": "u119"}
    assert error_of(lambda: app.sign_in("u119"))[0] == "PasswordResetRequiredException"
    app.client.forgot_password(**who)
    app.client.confirm_forgot_password(**who, ConfirmationCode=app.last_code(), Password=PASSWORD)
    assert app.tokens("u119")


def test_two_lines_with_one_address(sandbox: Any) -> None:
    """Where one signs in with an address, the second line fails and leaves nothing behind; the third still comes in."""
    app = new_app(sandbox, {"PoolName": "mail", "AutoVerifiedAttributes": ["email"], "AliasAttributes": ["email"]})
    job = create(app)
    rows = [person("one", email="same@example.com"), person("two", email="same@example.com"), person("three")]
    put(job["PreSignedUrl"], file_of(app, *rows))
    app.admin.start_user_import_job(UserPoolId=app.pool_id, JobId=job["JobId"])
    done = ended(app, job)
    assert (done["ImportedUsers"], done["FailedUsers"]) == (2, 1)
    names = {user["Username"] for user in app.admin.list_users(UserPoolId=app.pool_id)["Users"]}
    assert names == {"one", "three"}


def test_what_a_job_needs(app: App, sandbox: Any) -> None:
    """A file, its own key, its time, and that no other job runs; COGNITO-008: no password hashes."""
    about = {"UserPoolId": app.pool_id}
    start = app.admin.start_user_import_job
    job = create(app)
    early = error_of(start, **about, JobId=job["JobId"])
    assert early[0] == "PreconditionNotMetException"
    assert put(job["PreSignedUrl"][:-1], b"x") == 403
    assert put(job["PreSignedUrl"].replace("import-", "import-x"), b"x") == 403
    assert error_of(start, **about, JobId="import-none")[0] == "ResourceNotFoundException"
    stop = app.admin.stop_user_import_job
    assert error_of(stop, **about, JobId=job["JobId"])[0] == "PreconditionNotMetException"
    assert put(job["PreSignedUrl"], b"no,header\n1,2\n") == 200
    start(**about, JobId=job["JobId"])
    failed = ended(app, job)
    assert (failed["Status"], failed["FailedUsers"]) == ("Failed", 1)
    assert error_of(start, **about, JobId=job["JobId"])[0] == "PreconditionNotMetException"
    create(app)
    first = app.admin.list_user_import_jobs(**about, MaxResults=1)
    rest = app.admin.list_user_import_jobs(**about, MaxResults=5, PaginationToken=first["PaginationToken"])
    assert len(first["UserImportJobs"] + rest["UserImportJobs"]) == 2
    hashes = error_of(
        app.admin.create_user_import_job,
        **about,
        JobName="h",
        CloudWatchLogsRoleArn=ROLE,
        PasswordHashingAlgorithm="BCRYPT",
    )
    assert hashes[0] == "InvalidParameterException"
    plain = new_app(sandbox)
    refused = error_of(
        plain.admin.create_user_import_job, JobName="n", UserPoolId=plain.pool_id, CloudWatchLogsRoleArn=ROLE
    )
    assert refused[0] == "PreconditionNotMetException"


def test_a_job_expires_and_can_be_stopped(fresh_sandbox: Any) -> None:
    """A day after it was made; stopping keeps what was imported."""
    app = new_app(fresh_sandbox, {"PoolName": "many", "AutoVerifiedAttributes": ["email"]})
    job = create(app)
    fresh_sandbox.advance_clock(86_401)
    about = {"UserPoolId": app.pool_id, "JobId": job["JobId"]}
    assert app.admin.describe_user_import_job(**about)["UserImportJob"]["Status"] == "Expired"
    assert put(job["PreSignedUrl"], b"x") == 403
    second = create(app)
    assert put(second["PreSignedUrl"], file_of(app, *(person(f"v{number}") for number in range(3000)))) == 200
    about["JobId"] = second["JobId"]
    app.admin.start_user_import_job(**about)
    stopped = app.admin.stop_user_import_job(**about)["UserImportJob"]
    assert stopped["Status"] == "Stopped"
    left = app.admin.describe_user_import_job(**about)["UserImportJob"]
    assert (left["Status"], left["ImportedUsers"]) == ("Stopped", stopped["ImportedUsers"])
