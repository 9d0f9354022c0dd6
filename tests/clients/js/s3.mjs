// Objects with the AWS SDK for JavaScript v3: a streamed multipart upload, ranges, listings, links, an error's class.
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { Readable } from "node:stream";

// Browsers and most systems find *.localhost here; Node asks the system, which may not.
const lookup = (host, options, found) => (options.all ? found(null, [{ address: "127.0.0.1", family: 4 }]) : found(null, "127.0.0.1", 4));
const settings = {
  maxAttempts: 1,
  forcePathStyle: process.argv[2] === "path",
  endpoint: process.env.AWS_ENDPOINT_URL.replace("//localhost", "//s3.localhost").replace("//127.0.0.1", "//s3.localhost"),
  requestHandler: { httpAgent: new Agent({ lookup }) },
};
const s3 = new S3Client(settings);
const Bucket = `js-${process.argv[2]}`;
await s3.send(new CreateBucketCommand({ Bucket }));

// Of unknown length: lib-storage sends it in parts, each with a checksum in its trailer.
const MIB = 1024 * 1024;
const sent = createHash("md5");
async function* chunks() {
  for (let at = 0; at < 11; at++) {
    const chunk = Buffer.alloc(MIB, at);
    sent.update(chunk);
    yield chunk;
  }
}
const upload = new Upload({
  client: s3,
  params: { Bucket, Key: "large/ü+ .bin", Body: Readable.from(chunks()), ContentType: "text/x", Metadata: { a: "b" } },
  partSize: 5 * MIB,
});
const { ETag } = await upload.done();
const got = await s3.send(new GetObjectCommand({ Bucket, Key: "large/ü+ .bin" }));
const received = createHash("md5");
for await (const chunk of got.Body) received.update(chunk);

await s3.send(new PutObjectCommand({ Bucket, Key: "small", Body: "hello world" }));
const range = await s3.send(new GetObjectCommand({ Bucket, Key: "small", Range: "bytes=6-" }));
await s3.send(new CopyObjectCommand({ Bucket, Key: "copies/of it", CopySource: `${Bucket}/small` }));
const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "copies/of it" }));
await s3.send(new PutObjectCommand({ Bucket, Key: "streamed", Body: Readable.from([Buffer.from("abcd")]), ContentLength: 4 }));

// A link carries the headers that it was made with in its query.
const linker = new S3Client({ ...settings, requestChecksumCalculation: "WHEN_REQUIRED" });
const command = new PutObjectCommand({ Bucket, Key: "linked", StorageClass: "STANDARD_IA", Metadata: { m: "1" } });
const link = await getSignedUrl(linker, command, { expiresIn: 60 });
const answer = await new Promise((found, failed) => {
  const put = request(link, { method: "PUT", agent: new Agent({ lookup }) }, (got) => found(got.resume().statusCode));
  put.on("error", failed).end("by link");
});
const linked = await s3.send(new HeadObjectCommand({ Bucket, Key: "linked" }));

const keys = [];
for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket })) {
  keys.push(...(page.Contents ?? []).map((row) => row.Key));
}
const folders = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
let error = "";
try {
  await s3.send(new GetObjectCommand({ Bucket, Key: "missing" }));
} catch (caught) {
  error = caught instanceof NoSuchKey ? caught.name : `not modelled: ${caught}`;
}
const deleted = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
console.log(
  JSON.stringify({
    same: sent.digest("hex") === received.digest("hex"),
    parts: ETag.replaceAll("\"", "").split("-")[1],
    range: await range.Body.transformToString(),
    size: head.ContentLength,
    linked: [answer, linked.StorageClass, linked.Metadata.m],
    keys,
    folders: folders.CommonPrefixes.map((row) => row.Prefix),
    deleted: deleted.Deleted.length,
    error,
  }),
);
