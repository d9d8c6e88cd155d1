local n = 0 local function g(x) n = n + 1 return x or n end
function fold(s, ms, ...) local t = {...} for i, v in ipairs(t) do s[i] = g(v) end return select("#", ...) end