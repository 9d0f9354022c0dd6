// Answers of custom resources. Their ResponseURL leads to this server, by http and with a port. Libraries that know AWS's
// own URLs only (the CDK's provider framework, its AwsCustomResource, cfn-response) take host and path out of it and send
// by TLS to port 443. Such requests, known by a path that only we hand out, go to the endpoint instead.
import http from "node:http";
import https from "node:https";
import { syncBuiltinESMExports } from "node:module";

const PATH = "/_aws/cloudformation-response/";

export function answerByEndpoint() {
  if (!URL.canParse(process.env.AWS_ENDPOINT_URL)) return;
  const { protocol, hostname, port } = new URL(process.env.AWS_ENDPOINT_URL);
  const byTls = https.request;
  https.request = function request(options, ...rest) {
    if (options instanceof URL || typeof options !== "object" || !options?.path?.startsWith(PATH)) {
      return byTls.call(this, options, ...rest);
    }
    const there = { ...options, protocol, hostname, port, host: undefined, agent: undefined };
    return (protocol === "https:" ? byTls : http.request)(there, ...rest);
  };
  syncBuiltinESMExports();
}
