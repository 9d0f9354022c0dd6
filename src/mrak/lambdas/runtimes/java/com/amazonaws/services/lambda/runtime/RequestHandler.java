package com.amazonaws.services.lambda.runtime;

/** A handler that takes and returns objects. The names in this package are those of AWS's own library. */
public interface RequestHandler<I, O> {
    O handleRequest(I input, Context context);
}
