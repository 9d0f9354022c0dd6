// Kinesis with the AWS SDK for JavaScript v3, whose client speaks HTTP/2: put, read by pages, and subscribe.
import {
  CreateStreamCommand,
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordCommand,
  PutRecordsCommand,
  RegisterStreamConsumerCommand,
  ResourceNotFoundException,
  SubscribeToShardCommand,
} from "@aws-sdk/client-kinesis";

const kinesis = new KinesisClient({ maxAttempts: 1 });
const StreamName = "from-javascript";
await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
const { StreamARN, Shards } = (await kinesis.send(new DescribeStreamCommand({ StreamName }))).StreamDescription;
const [{ ShardId }] = Shards;

// Larger than what Node's client takes unasked, both ways.
const Data = Buffer.alloc(100_000, "x");
const Records = [...Array(10).keys()].map((n) => ({ Data, PartitionKey: `batch ${n}` }));
const { FailedRecordCount } = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
const { ShardIterator } = await kinesis.send(
  new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
);
const read = (await kinesis.send(new GetRecordsCommand({ ShardIterator }))).Records;

const { Consumer } = await kinesis.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName: "subscriber" }));
const { EventStream } = await kinesis.send(
  new SubscribeToShardCommand({ ConsumerARN: Consumer.ConsumerARN, ShardId, StartingPosition: { Type: "TRIM_HORIZON" } }),
);
const puts = [...Array(20).keys()].map((n) => kinesis.send(new PutRecordCommand({ StreamName, Data, PartitionKey: `${n}` })));
await Promise.all(puts);
const pushed = new Set();
for await (const { SubscribeToShardEvent } of EventStream) {
  for (const record of SubscribeToShardEvent.Records) pushed.add(record.PartitionKey);
  if (pushed.size === 30) break;
}
let error = "";
try {
  await kinesis.send(new DescribeStreamCommand({ StreamName: "missing" }));
} catch (caught) {
  error = caught instanceof ResourceNotFoundException ? caught.name : `not modelled: ${caught}`;
}
const bytes = read.reduce((sum, record) => sum + record.Data.length, 0);
console.log(JSON.stringify({ failed: FailedRecordCount, bytes, pushed: pushed.size, error }));
process.exit(0);
