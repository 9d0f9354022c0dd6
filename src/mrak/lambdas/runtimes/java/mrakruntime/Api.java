package mrakruntime;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/** A lean HTTP client of the Runtime API on one connection. */
final class Api {
    private static final String PREFIX = "/2018-06-01/runtime";

    static final class Answer {
        final Map<String, String> headers = new HashMap<>();
        byte[] body = new byte[0];

        String header(String name) {
            return headers.get(name);
        }
    }

    private final InputStream in;
    private final OutputStream out;

    Api(String address) throws IOException {
        int colon = address.lastIndexOf(':');
        Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        socket.setTcpNoDelay(true);
        in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
        out = socket.getOutputStream();
    }

    Answer next() throws IOException {
        return ask("GET " + PREFIX + "/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n", new byte[0]);
    }

    void post(String path, byte[] body, String errorType) throws IOException {
        StringBuilder head = new StringBuilder("POST " + PREFIX + path + " HTTP/1.1\r\nHost: runtime\r\n");
        head.append("Content-Type: application/json\r\nContent-Length: ").append(body.length).append("\r\n");
        if (errorType != null) {
            head.append("Lambda-Runtime-Function-Error-Type: ").append(errorType).append("\r\n");
        }
        ask(head.append("\r\n").toString(), body);
    }

    private Answer ask(String head, byte[] body) throws IOException {
        byte[] first = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] whole = new byte[first.length + body.length];
        System.arraycopy(first, 0, whole, 0, first.length);
        System.arraycopy(body, 0, whole, first.length, body.length);
        out.write(whole);
        out.flush();
        return read();
    }

    private Answer read() throws IOException {
        Answer answer = new Answer();
        readLine();
        for (String line = readLine(); !line.isEmpty(); line = readLine()) {
            int colon = line.indexOf(':');
            answer.headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        String length = answer.headers.get("content-length");
        int missing = length == null ? 0 : Integer.parseInt(length);
        answer.body = new byte[missing];
        int taken = 0;
        while (taken < missing) {
            int count = in.read(answer.body, taken, missing - taken);
            if (count < 0) {
                throw new EOFException();
            }
            taken += count;
        }
        return answer;
    }

    private String readLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            int octet = in.read();
            if (octet < 0) {
                System.exit(0); // the server is gone, and with it the reason to live
            }
            if (octet == '\n') {
                return line.toString("UTF-8").replace("\r", "");
            }
            line.write(octet);
        }
    }
}
