"""Every relative link of a Markdown document leads to a file, and every anchor to a heading."""

import re
import sys

from files import ROOT, project_files, report, text_of

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    def anchor(heading: str) -> str:
        heading = re.sub(r"[`*_]", "", heading).lower()
        return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")

    return {anchor(heading) for heading in HEADING.findall(text)}


def main() -> int:
    problems = []
    for path in project_files():
        if path.suffix != ".md":
            continue
        name = path.relative_to(ROOT).as_posix()
        text = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
        for link in LINK.findall(text):
            if re.match(r"[a-z][a-z0-9+.-]*:", link):
                continue
            target, _, anchor = link.partition("#")
            file = (path.parent / target).resolve() if target else path
            if not file.exists():
                problems.append(f"{name}: the link '{link}' leads nowhere")
            elif anchor and file.suffix == ".md" and anchor not in anchors(text_of(file)):
                problems.append(f"{name}: '{link}' names a heading that does not exist")
    return report(problems)


if __name__ == "__main__":
    sys.exit(main())
