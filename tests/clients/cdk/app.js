// A stack with what needs most of a cloud: assets, emptied buckets, a provider of custom resources, calls of the SDK.
const cdk = require("aws-cdk-lib");
const lambda = require("aws-cdk-lib/aws-lambda");
const s3 = require("aws-cdk-lib/aws-s3");
const sqs = require("aws-cdk-lib/aws-sqs");
const custom = require("aws-cdk-lib/custom-resources");

const app = new cdk.App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stack = new cdk.Stack(app, "Shop", { env });
const runtime = lambda.Runtime.NODEJS_20_X;
const handler = "index.handler";

const fn = new lambda.Function(stack, "Fn", { functionName: "shop", runtime, handler, code: lambda.Code.fromAsset("fn") });
new sqs.Queue(stack, "Queue").grantSendMessages(fn);
const bucket = { bucketName: process.env.SHOP_BUCKET, removalPolicy: cdk.RemovalPolicy.DESTROY, autoDeleteObjects: true };
new s3.Bucket(stack, "Bucket", bucket);

const answer = "exports.handler = async (e) => ({Data: {Shown: 'hello ' + e.ResourceProperties.Given}})";
const onEventHandler = new lambda.Function(stack, "OnEvent", { runtime, handler, code: lambda.Code.fromInline(answer) });
const { serviceToken } = new custom.Provider(stack, "Provider", { onEventHandler });
const made = new cdk.CustomResource(stack, "Custom", { serviceToken, properties: { Given: "you" } });
new cdk.CfnOutput(stack, "Shown", { value: made.getAttString("Shown") });

const parameter = { Name: "from-cdk", Value: "v", Type: "String" };
new custom.AwsCustomResource(stack, "Call", {
  onCreate: { service: "SSM", action: "putParameter", parameters: parameter, physicalResourceId: custom.PhysicalResourceId.of("p") },
  onDelete: { service: "SSM", action: "deleteParameter", parameters: { Name: "from-cdk" } },
  policy: custom.AwsCustomResourcePolicy.fromSdkCalls({ resources: custom.AwsCustomResourcePolicy.ANY_RESOURCE }),
  installLatestAwsSdk: false,
});
