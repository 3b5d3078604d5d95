-- The called T-selector of a CR, for HAProxy: a converter from a TPKT in hex to the selector in hex. The result is '-'
-- for a CR without a called selector, and '?' for anything that is no CR.
--
--   tcp-request content set-var(sess.called) req.payload_lv(2,2,0),hex,lua.cotp_called
--
-- Hex, because HAProxy ends a string at its first octet 0 before it calls a converter.

local CALLED_TSEL = 0xc2

local function octets_of(hex)
  return (hex:gsub('%x%x', function(pair)
    return string.char(tonumber(pair, 16))
  end))
end

-- TPKT header of 4 octets, LI, code 0xE0, DST-REF, SRC-REF, class: 11 octets at least.
local function is_request(packet)
  return #packet >= 11 and packet:byte(1) == 3 and packet:byte(6) & 0xf0 == 0xe0
end

-- Parameters follow the fixed part, each a code, a length and a value, up to the end that LI states.
local function parameter(packet, wanted)
  local stop = math.min(#packet, 5 + packet:byte(5))
  local at = 12
  while at + 1 <= stop do
    local code, length = packet:byte(at, at + 1)
    if at + 1 + length > stop then
      return nil
    end
    if code == wanted then
      return packet:sub(at + 2, at + 1 + length)
    end
    at = at + 2 + length
  end
  return nil
end

core.register_converters('cotp_called', function(hex)
  local packet = octets_of(hex)
  if not is_request(packet) then
    return '?'
  end
  local selector = parameter(packet, CALLED_TSEL)
  if selector == nil or selector == '' then
    return '-'
  end
  return (selector:gsub('.', function(octet)
    return string.format('%02x', octet:byte())
  end))
end)
