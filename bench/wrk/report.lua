-- Prints what was measured as one line of JSON. With a number after `--`, so many tasks are pending and every request
-- asks for another page of 250 of them.

function init(args)
    local pending = tonumber(args[1])
    if pending then
        math.randomseed(os.time())
        local pages = math.max(1, math.floor(pending / 250))
        request = function()
            local offset = 250 * math.random(0, pages - 1)
            return wrk.format("GET", "/task-status/pending-tasks?limit=250&offset=" .. offset)
        end
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"microseconds":%d,"requests":%d,"bytes":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
        summary.duration, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
