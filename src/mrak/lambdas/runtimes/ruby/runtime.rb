# frozen_string_literal: true

# Runs the handlers of Ruby functions: asks the Runtime API for invocations, one after another.

require "json"
require "socket"

$stdout.sync = true
$stderr.sync = true

module MrakRuntime
  PREFIX = "/2018-06-01/runtime"
  Answer = Struct.new(:headers, :body)

  # A lean HTTP client of the Runtime API on one connection.
  class Api
    def initialize(address)
      host, _, port = address.rpartition(":")
      @socket = TCPSocket.new(host, port.to_i)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    end

    def next_invocation
      ask("GET #{PREFIX}/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n")
    end

    def post(path, body, error_type = nil)
      head = +"POST #{PREFIX}#{path} HTTP/1.1\r\nHost: runtime\r\n"
      head << "Content-Type: application/json\r\nContent-Length: #{body.bytesize}\r\n"
      head << "Lambda-Runtime-Function-Error-Type: #{error_type}\r\n" if error_type
      ask("#{head}\r\n".b + body.b)
    end

    private

    def ask(message)
      @socket.write(message)
      read_line
      headers = {}
      until (line = read_line).empty?
        name, _, value = line.partition(":")
        headers[name.downcase] = value.strip
      end
      Answer.new(headers, @socket.read(headers.fetch("content-length", "0").to_i) || "")
    end

    def read_line
      line = @socket.gets("\r\n")
      exit!(0) if line.nil? # the server is gone, and with it the reason to live
      line.chomp.force_encoding("UTF-8")
    end
  end

  # What a handler can ask about its invocation.
  class LambdaContext
    attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
                :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms

    def initialize(headers)
      @aws_request_id = headers["lambda-runtime-aws-request-id"]
      @invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
      @deadline_ms = headers["lambda-runtime-deadline-ms"].to_i
      @log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
      @log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
      @function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
      @memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
      @function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
      @identity = parse(headers["lambda-runtime-cognito-identity"])
      @client_context = parse(headers["lambda-runtime-client-context"])
    end

    def get_remaining_time_in_millis
      [@deadline_ms - (Time.now.to_f * 1000).to_i, 0].max
    end

    private

    def parse(text)
      text.nil? || text.empty? ? nil : JSON.parse(text)
    end
  end

  # The method that a function's handler names: file.method, or file.Class.method.
  class Handler
    def initialize(text)
      file, *parts = text.split(".")
      raise ArgumentError, "Invalid handler #{text}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD" unless
        [1, 2].include?(parts.length)

      @method = parts.pop
      require File.expand_path(file, ENV.fetch("LAMBDA_TASK_ROOT"))
      @owner = parts.empty? ? nil : Kernel.const_get(parts.first)
    end

    def call(event, context)
      return @owner.public_send(@method, event: event, context: context) if @owner

      Object.new.send(@method, event: event, context: context)
    end
  end

  def self.describe(error)
    trace = (error.backtrace || []).take_while { |line| !line.start_with?(__FILE__) }
    { "errorMessage" => error.message, "errorType" => "Function<#{error.class}>", "stackTrace" => trace }
  end

  def self.report(error)
    shown = describe(error)
    puts(JSON.generate(shown))
    [JSON.generate(shown), shown["errorType"]]
  end

  def self.answer(api, handler, invocation)
    ENV["_X_AMZN_TRACE_ID"] = invocation.headers["lambda-runtime-trace-id"]
    context = LambdaContext.new(invocation.headers)
    path = "/invocation/#{context.aws_request_id}"
    begin
      event = JSON.parse(invocation.body.force_encoding("UTF-8"))
      result = handler.call(event, context)
      result = JSON.generate(result) unless result.is_a?(StringIO)
    rescue ScriptError, StandardError, NoMemoryError, SystemStackError => e
      return api.post("#{path}/error", *report(e))
    end
    api.post("#{path}/response", result.is_a?(String) ? result : result.read)
  end

  def self.run
    api = Api.new(ENV.fetch("AWS_LAMBDA_RUNTIME_API"))
    begin
      handler = Handler.new(ENV.fetch("_HANDLER"))
    rescue ScriptError, StandardError => e
      body, type = report(e)
      api.post("/init/error", body, type.sub("Function<", "Init<"))
      exit!(1)
    end
    loop { answer(api, handler, api.next_invocation) }
  end
end

require "stringio"
MrakRuntime.run
