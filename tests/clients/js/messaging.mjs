// SNS to SQS with the AWS SDK for JavaScript v3: create, subscribe, publish, receive, delete, and an error's class.
import { CreateTopicCommand, PublishBatchCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";

const sqs = new SQSClient({ maxAttempts: 1 });
const sns = new SNSClient({ maxAttempts: 1 });

// AWS asks for the queue's permission, in the same account too.
const Policy = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource: "*" }],
});
const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "js", Attributes: { Policy } }));
const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "js" }));
await sns.send(
  new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: Attributes.QueueArn, Attributes: { RawMessageDelivery: "true" } }),
);
// The SDK verifies the MD5 of body and attributes itself.
const MessageAttributes = { kind: { DataType: "String", StringValue: "é" }, raw: { DataType: "Binary", BinaryValue: new Uint8Array([0, 255]) } };
await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "direct", MessageAttributes }));
await sns.send(new PublishCommand({ TopicArn, Message: "published", MessageAttributes }));
await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [{ Id: "1", Message: "batch" }] }));

const bodies = [];
while (bodies.length < 3) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
  );
  if (Messages.length === 0) throw new Error(`only ${bodies} came`);
  bodies.push(...Messages.map((message) => message.Body));
  await sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl,
      Entries: Messages.map((message, i) => ({ Id: String(i), ReceiptHandle: message.ReceiptHandle })),
    }),
  );
}
let error = "";
try {
  await sqs.send(new SendMessageCommand({ QueueUrl: `${QueueUrl}-missing`, MessageBody: "x" }));
} catch (caught) {
  error = caught instanceof QueueDoesNotExist ? caught.name : `not modelled: ${caught}`;
}
console.log(JSON.stringify({ bodies: bodies.sort(), error }));
