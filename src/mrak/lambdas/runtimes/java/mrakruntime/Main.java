package mrakruntime;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Runs the handlers of Java functions: asks the Runtime API for invocations, one after another. */
public final class Main {
    private Main() {}

    public static void main(String[] arguments) throws Exception {
        Api api = new Api(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Handler handler;
        try {
            handler = Handler.find(System.getenv("_HANDLER"));
        } catch (Throwable error) {
            Throwable cause = unwrap(error);
            print(cause);
            api.post("/init/error", Json.print(describe(cause)), cause.getClass().getName());
            System.exit(1);
            return;
        }
        while (true) {
            Api.Answer next = api.next();
            String trace = next.header("lambda-runtime-trace-id");
            if (trace == null) {
                System.clearProperty("com.amazonaws.xray.traceHeader");
            } else {
                System.setProperty("com.amazonaws.xray.traceHeader", trace);
            }
            answer(api, handler, next);
        }
    }

    private static void answer(Api api, Handler handler, Api.Answer next) throws Exception {
        FunctionContext context = new FunctionContext(next);
        String path = "/invocation/" + context.getAwsRequestId();
        byte[] result;
        try {
            result = handler.handle(next.body, context);
        } catch (Throwable error) {
            Throwable cause = unwrap(error);
            print(cause);
            api.post(path + "/error", Json.print(describe(cause)), cause.getClass().getName());
            if (cause instanceof VirtualMachineError) {
                System.exit(1);
            }
            return;
        } finally {
            System.out.flush();
        }
        api.post(path + "/response", result, null);
    }

    private static Throwable unwrap(Throwable error) {
        Throwable cause = error;
        while ((cause instanceof InvocationTargetException || cause instanceof ExceptionInInitializerError)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    /** The error as AWS shows it: message, class, the lines of the trace, and the cause in the same shape. */
    static Map<String, Object> describe(Throwable error) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("errorMessage", error.getMessage());
        shown.put("errorType", error.getClass().getName());
        List<Object> trace = new ArrayList<>();
        for (StackTraceElement element : error.getStackTrace()) {
            if (element.getClassName().startsWith("mrakruntime.")) {
                break;
            }
            trace.add(element.toString());
        }
        shown.put("stackTrace", trace);
        if (error.getCause() != null && error.getCause() != error) {
            shown.put("cause", describe(error.getCause()));
        }
        return shown;
    }

    private static void print(Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text, true));
        byte[] bytes = text.toString().getBytes(StandardCharsets.UTF_8);
        System.out.write(bytes, 0, bytes.length);
        System.out.flush();
    }
}
