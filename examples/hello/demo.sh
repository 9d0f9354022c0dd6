#!/usr/bin/env bash
# Deploys the hello application with the `aws` command line and calls it. Every step is in the README.
#
# Uses the cloud that AWS_ENDPOINT_URL names; without one it starts a cloud of its own, in memory, and ends it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PATH="$root/.venv/bin:$PATH"
work=$(mktemp -d)
server=""
finish() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  rm -rf "$work"
}
trap finish EXIT
step() { printf '\n== %s\n' "$*"; }
# Waits until a command prints something, for at most 30 seconds.
until_some() {
  local end=$((SECONDS + 30)) found
  while [ $SECONDS -lt $end ]; do
    found=$("$@") || true
    if [ -n "$found" ] && [ "$found" != "None" ]; then printf '%s\n' "$found"; return 0; fi
  done
  echo "nothing came within 30 seconds: $*" >&2
  return 1
}

if [ -z "${AWS_ENDPOINT_URL:-}" ]; then
  step "start a cloud in memory"
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export MRAK_PORT="$port"
  mrak up --memory --port "$port" &
  server=$!
  until mrak status > "$work/status" 2>&1; do
    kill -0 "$server" || { cat "$work/status"; exit 1; }
    sleep 0.05
  done
  mrak env create hello
  eval "$(mrak use hello)"
fi
export AWS_PAGER=""
# Version 1 of the command line ignores AWS_ENDPOINT_URL for SQS, unless the endpoint is an option.
aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }

step "a role, a table, a queue"
role=$(aws iam create-role --role-name hello --query Role.Arn --output text --assume-role-policy-document \
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}')
aws iam attach-role-policy --role-name hello --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
aws dynamodb create-table --table-name hello --billing-mode PAY_PER_REQUEST --query TableDescription.TableArn --output text \
  --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH
aws dynamodb wait table-exists --table-name hello
queue=$(aws sqs create-queue --queue-name hello --query QueueUrl --output text)
queue_arn=$(aws sqs get-queue-attributes --queue-url "$queue" --attribute-names QueueArn --query Attributes.QueueArn --output text)

step "three functions"
deploy() {  # name, runtime, handler, environment
  (cd "$here/$1" && python3 -m zipfile -c "$work/$1.zip" ./*)
  aws lambda create-function --function-name "hello-$1" --runtime "$2" --handler "$3" --role "$role" --timeout 10 \
    --zip-file "fileb://$work/$1.zip" --environment "$4" --query FunctionArn --output text
  aws lambda wait function-active-v2 --function-name "hello-$1"
}
deploy greeter nodejs20.x index.handler 'Variables={}'
deploy recorder python3.11 app.handler "Variables={TABLE=hello,QUEUE_URL=$queue}"
deploy worker python3.11 app.handler 'Variables={TABLE=hello}'
aws lambda create-event-source-mapping --function-name hello-worker --event-source-arn "$queue_arn" --query State --output text

step "an HTTP API"
api=$(aws apigatewayv2 create-api --name hello --protocol-type HTTP --query ApiId --output text)
endpoint=$(aws apigatewayv2 get-api --api-id "$api" --query ApiEndpoint --output text)
aws apigatewayv2 create-stage --api-id "$api" --stage-name '$default' --auto-deploy --query StageName --output text
route() {  # route key, function
  arn=$(aws lambda get-function --function-name "hello-$2" --query Configuration.FunctionArn --output text)
  aws lambda add-permission --function-name "hello-$2" --statement-id api --action lambda:InvokeFunction \
    --principal apigateway.amazonaws.com --query Statement --output text > "$work/permission"
  integration=$(aws apigatewayv2 create-integration --api-id "$api" --integration-type AWS_PROXY --integration-uri "$arn" \
    --payload-format-version 2.0 --query IntegrationId --output text)
  aws apigatewayv2 create-route --api-id "$api" --route-key "$1" --target "integrations/$integration" --query RouteKey --output text
}
route 'GET /' greeter
route 'POST /notes' recorder

step "call it: $endpoint"
greeting=$(curl -sSf --max-time 30 "$endpoint/")
echo "GET /        $greeting"
test "$greeting" = success
note=$(curl -sSf "$endpoint/notes" -H 'content-type: application/json' -d '{"text":"hello, cloud"}')
echo "POST /notes  $note"
id=$(printf '%s' "$note" | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')

step "the queue fed the worker, which saw the item"
until_some aws dynamodb get-item --table-name hello --key "{\"id\":{\"S\":\"$id\"}}" --query Item.seen.BOOL --output text

step "its log"
until_some aws logs filter-log-events --log-group-name /aws/lambda/hello-worker --filter-pattern '"seen"' \
  --query 'events[].message' --output text
echo "done"
