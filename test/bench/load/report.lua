-- What wrk counted, as one line of JSON; and requests for many paths in turn, if a file of them is given.
local paths = {}
local position = 0

function init(arguments)
  if arguments[1] == nil then return end
  for line in io.lines(arguments[1]) do paths[#paths + 1] = wrk.format("GET", line) end
  request = function()
    position = position % #paths + 1
    return paths[position]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"bytes":%d,"microseconds":%d,"failures":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
