-- Licensed under the Apache License, Version 2.0; see LICENSE.
-- The peer for nginx: a resource server with Debian's Lua packages (cjson, luaossl), since Debian has
-- no JOSE library for Lua. It checks algorithm, signature, issuer, audience and times, and remembers
-- a token that passed in a shared dictionary until it ends, as lua-resty-openidc does.

local cjson = require "cjson.safe"
local verified = ngx.shared.verified

local bearer = {}

local function decode(part)
    local text = part:gsub("-", "+"):gsub("_", "/")
    return ngx.decode_base64(text .. ("="):rep(-#text % 4))
end

local function decode_json(part)
    local text = decode(part)
    return text and cjson.decode(text)
end

local function has_audience(aud, wanted)
    if type(aud) ~= "table" then
        return aud == wanted
    end
    for _, one in ipairs(aud) do
        if one == wanted then
            return true
        end
    end
    return false
end

local function refuse()
    ngx.header["WWW-Authenticate"] = 'Bearer realm="bench", error="invalid_token"'
    return ngx.exit(ngx.HTTP_UNAUTHORIZED)
end

local function verify(token, rules)
    local header, payload, signature = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
    local head = header and decode_json(header)
    if not head or head.alg ~= rules.alg then
        return nil
    end
    if not rules.holds(header .. "." .. payload, decode(signature)) then
        return nil
    end
    return decode_json(payload)
end

--- Let the request pass or answer 401.
function bearer.check(rules)
    local field = ngx.var.http_authorization
    local token = field and field:match("^[Bb]earer +(.+)$")
    if not token then
        return refuse()
    end
    local known = verified:get(token)
    local claims
    if known then
        claims = cjson.decode(known)
    else
        claims = verify(token, rules)
    end
    local now = ngx.time()
    if not claims or claims.iss ~= rules.issuer or not has_audience(claims.aud, rules.audience)
        or type(claims.exp) ~= "number" or claims.exp <= now
        or (claims.nbf and claims.nbf > now) then
        return refuse()
    end
    if not known then
        verified:set(token, cjson.encode(claims), claims.exp - now)
    end
    ngx.var.user = claims.sub
end

--- Rules for RS256 by a public key in PEM.
function bearer.rs256(pem, issuer, audience)
    local pkey, digest = require "openssl.pkey", require "openssl.digest"
    local key = pkey.new(pem)
    return {alg = "RS256", issuer = issuer, audience = audience, holds = function(text, signature)
        return key:verify(signature, digest.new("sha256"):update(text))
    end}
end

--- Rules for HS256.
function bearer.hs256(secret, issuer, audience)
    local hmac = require "openssl.hmac"
    return {alg = "HS256", issuer = issuer, audience = audience, holds = function(text, signature)
        return hmac.new(secret, "sha256"):final(text) == signature
    end}
end

return bearer
