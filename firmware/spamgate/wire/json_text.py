"""Text as JSON has it."""


def quote(text: str) -> str:
    """Return a JSON string in ASCII."""
    try:
        plain = text.encode()
    except ValueError:  # half of a pair
        return _escape(text)
    for byte in plain:  # MicroPython keeps each letter that it takes from a text for good
        if not 32 <= byte < 127 or byte == 34 or byte == 92:
            return _escape(text)
    return '"' + text + '"'


def _escape(text: str) -> str:
    out = ['"']
    for letter in text:
        code = ord(letter)
        if letter in '"\\':
            out.append("\\" + letter)
        elif 32 <= code < 127:
            out.append(letter)
        elif code < 0x10000:
            out.append("\\u%04x" % code)
        else:
            code -= 0x10000
            out.append("\\u%04x\\u%04x" % (0xD800 | code >> 10, 0xDC00 | code & 0x3FF))
    out.append('"')
    return "".join(out)
