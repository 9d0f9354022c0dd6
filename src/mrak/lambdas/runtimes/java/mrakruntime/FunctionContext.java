package mrakruntime;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Map;

/** What a handler can ask about its invocation. */
final class FunctionContext implements Context {
    private final Api.Answer answer;
    private final long deadline;

    FunctionContext(Api.Answer answer) {
        this.answer = answer;
        this.deadline = Long.parseLong(answer.header("lambda-runtime-deadline-ms"));
    }

    @Override
    public String getAwsRequestId() {
        return answer.header("lambda-runtime-aws-request-id");
    }

    @Override
    public String getLogGroupName() {
        return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    }

    @Override
    public String getLogStreamName() {
        return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    }

    @Override
    public String getFunctionName() {
        return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    }

    @Override
    public String getFunctionVersion() {
        return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    }

    @Override
    public String getInvokedFunctionArn() {
        return answer.header("lambda-runtime-invoked-function-arn");
    }

    @Override
    public CognitoIdentity getIdentity() {
        Map<?, ?> identity = json("lambda-runtime-cognito-identity");
        return new CognitoIdentity() {
            @Override
            public String getIdentityId() {
                return (String) identity.get("cognitoIdentityId");
            }

            @Override
            public String getIdentityPoolId() {
                return (String) identity.get("cognitoIdentityPoolId");
            }
        };
    }

    @Override
    public ClientContext getClientContext() {
        if (answer.header("lambda-runtime-client-context") == null) {
            return null;
        }
        Map<?, ?> context = json("lambda-runtime-client-context");
        return new ClientContext() {
            @Override
            public Client getClient() {
                Map<?, ?> client = part(context, "client");
                return client.isEmpty() ? null : new AppClient(client);
            }

            @Override
            @SuppressWarnings("unchecked")
            public Map<String, String> getCustom() {
                return (Map<String, String>) part(context, "custom");
            }

            @Override
            @SuppressWarnings("unchecked")
            public Map<String, String> getEnvironment() {
                return (Map<String, String>) part(context, "env");
            }
        };
    }

    private static Map<?, ?> part(Map<?, ?> whole, String name) {
        Object found = whole.get(name);
        return found instanceof Map ? (Map<?, ?>) found : Collections.emptyMap();
    }

    private Map<?, ?> json(String header) {
        String text = answer.header(header);
        Object parsed = text == null ? null : Json.parse(text.getBytes(StandardCharsets.UTF_8));
        return parsed instanceof Map ? (Map<?, ?>) parsed : Collections.emptyMap();
    }

    @Override
    public int getRemainingTimeInMillis() {
        return (int) Math.max(0, deadline - System.currentTimeMillis());
    }

    @Override
    public int getMemoryLimitInMB() {
        return Integer.parseInt(System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"));
    }

    @Override
    public LambdaLogger getLogger() {
        return LambdaRuntime.getLogger();
    }

    private static final class AppClient implements Client {
        private final Map<?, ?> told;

        AppClient(Map<?, ?> told) {
            this.told = told;
        }

        @Override
        public String getInstallationId() {
            return (String) told.get("installation_id");
        }

        @Override
        public String getAppTitle() {
            return (String) told.get("app_title");
        }

        @Override
        public String getAppVersionName() {
            return (String) told.get("app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return (String) told.get("app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return (String) told.get("app_package_name");
        }
    }
}
