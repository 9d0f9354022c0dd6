package com.amazonaws.services.lambda.runtime.logging;

/** How important a line of the log is. */
public enum LogLevel {
    UNDEFINED,
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR,
    FATAL
}
