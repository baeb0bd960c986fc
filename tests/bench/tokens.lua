-- Licensed under the Apache License, Version 2.0; see LICENSE.
-- A token of the file's for each request, in turn: wrk … -- FILE BEGIN. Both threads go through the
-- whole list, half of it apart, so that a token comes back after as many others as the list has.

local started = 0

function setup(thread)
    thread:set("number", started)
    started = started + 1
end

function init(args)
    tokens = {}
    for line in io.lines(args[1]) do
        tokens[#tokens + 1] = "Bearer " .. line
    end
    at = tonumber(args[2]) + number * math.floor(#tokens / 2)
end

function request()
    at = at % #tokens + 1
    wrk.headers["Authorization"] = tokens[at]
    return wrk.format()
end
