// An HTTP subscriber as users write it: sns-validator, which knows nothing of mrak, checks each message's signature.
import http from "node:http";
import https from "node:https";
import { once } from "node:events";

import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import MessageValidator from "sns-validator";

// The validator insists on https for the certificate's address, which the signature does not cover. Only the way there is
// changed: what is signed, and by which rules, it finds out by itself.
https.get = (url, done) => http.get(url.replace("https:", "http:"), done);
const validator = new MessageValidator(/^localhost:\d+$/);

const validate = (message) =>
  new Promise((resolve, reject) =>
    validator.validate({ ...message, SigningCertURL: message.SigningCertURL.replace("http:", "https:") }, (error, valid) =>
      error ? reject(error) : resolve(valid),
    ),
  );

const seen = [];
const arrived = new EventTarget();
const server = http.createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  const message = JSON.parse(text);
  // sns-validator leaves the Token of an UnsubscribeConfirmation out, which AWS's documentation signs.
  seen.push(message.Type === "UnsubscribeConfirmation" ? message : await validate(message));
  response.end();
  if (message.Type === "SubscriptionConfirmation") await fetch(message.SubscribeURL);
  arrived.dispatchEvent(new Event(message.Type));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");

const sns = new SNSClient({ maxAttempts: 1 });
const { TopicArn } = await sns.send(
  new CreateTopicCommand({ Name: "signed", Attributes: { SignatureVersion: process.argv[2] } }),
);
const confirmed = once(arrived, "SubscriptionConfirmation");
await sns.send(
  new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: `http://127.0.0.1:${server.address().port}/` }),
);
await confirmed;
for (const Subject of [undefined, "A subject"]) {
  const notified = once(arrived, "Notification");
  await sns.send(new PublishCommand({ TopicArn, Message: 'line\nand "quotes" é', Subject }));
  await notified;
}
const left = once(arrived, "UnsubscribeConfirmation");
await fetch(seen.at(-1).UnsubscribeURL);
await left;
const forged = await validate({ ...seen[1], Message: "forged" }).then(
  () => "taken",
  (error) => error.message,
);
server.close();
server.closeAllConnections();
console.log(JSON.stringify({ types: seen.map(({ Type }) => Type), versions: [...new Set(seen.map((m) => m.SignatureVersion))], forged }));
