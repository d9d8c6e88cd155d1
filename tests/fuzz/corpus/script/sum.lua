function fold(s, ms, v) s[1] = s[1] + v return s[1] end
function merge(s, t) s[1] = s[1] + t[1] return s[1] end
function init(s) s[2] = 1 end