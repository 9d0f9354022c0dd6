/* A custom runtime in C without libraries: answers each event with itself, over the Runtime API's plain HTTP. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 20];

static int open_api(void) {
    char host[64];
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (!api || sscanf(api, "%63[^:]", host) != 1) exit(1);
    address.sin_port = htons(atoi(strchr(api, ':') + 1));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) exit(1);
    int api_socket = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(api_socket, (struct sockaddr *)&address, sizeof address)) exit(1);
    return api_socket;
}

/* Sends a request and reads its whole answer; returns where the body begins. */
static char *ask(const char *request, size_t length, size_t *body_length) {
    int api_socket = open_api();
    if (write(api_socket, request, length) != (ssize_t)length) exit(1);
    size_t have = 0;
    char *body = NULL;
    while (have < sizeof buffer - 1) {
        ssize_t got = read(api_socket, buffer + have, sizeof buffer - 1 - have);
        if (got <= 0) break;
        have += got;
        buffer[have] = 0;
        if (!body && (body = strstr(buffer, "\r\n\r\n"))) {
            body += 4;
            char *stated = strcasestr(buffer, "content-length:");
            *body_length = stated && stated < body ? strtoul(stated + 15, NULL, 10) : 0;
        }
        if (body && have - (body - buffer) >= *body_length) break;
    }
    close(api_socket);
    if (!body) exit(1);
    return body;
}

int main(void) {
    static char event[1 << 20], request[1 << 20];
    const char *next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: api\r\n\r\n";
    for (;;) {
        size_t length;
        char id[64], *body = ask(next, strlen(next), &length);
        char *header = strcasestr(buffer, "lambda-runtime-aws-request-id:");
        if (!header || sscanf(header + 30, " %63[0-9a-f-]", id) != 1) exit(1);
        memcpy(event, body, length);
        int head = snprintf(request, sizeof request,
                            "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: api\r\n"
                            "Content-Length: %zu\r\n\r\n", id, length);
        memcpy(request + head, event, length);
        ask(request, head + length, &length);
    }
}
