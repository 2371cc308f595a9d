"""git: a history imported and continued by hand, then read, packed and checked."""

from .program import Command, Program, randomness

WORDS = "basalt lava cools slowly into columns of six sides and stands for a long time".split()


class GitHistory(Program):
    name = "git"
    work = "import, commit, log, gc, fsck"
    measured = 8.0

    def prepare(self, folder, scale):
        draw = randomness(self)
        (folder / "history").write_text("".join(self._import(draw, int(400 * scale))))
        self.commits = max(2, int(12 * min(scale, 2)))
        for number in range(self.commits):
            (folder / f"note{number}.txt").write_text(self._prose(draw, 200))

    def commands(self, folder):
        env = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org",
        }

        def git(*words, stdin=None, second=0):
            moment = {"GIT_AUTHOR_DATE": f"{1700000000 + second} +0000",
                      "GIT_COMMITTER_DATE": f"{1700000000 + second} +0000"}
            options = ["-c", "pack.threads=1", "-c", "gc.auto=0", "-c", "advice.detachedHead=false"]
            return Command(["git", *options, *words], stdin=stdin, env=env | moment)

        yield git("init", "-q", "-b", "main")
        yield git("fast-import", "--quiet", stdin=folder / "history")
        yield git("reset", "-q", "--hard")
        for number in range(self.commits):
            yield git("add", f"note{number}.txt")
            yield git("commit", "-q", "-m", f"Note {number}", second=number)
        yield git("log", "--stat", "--format=%H %an %ad %s")
        yield git("gc", "-q", "--prune=now")
        yield git("fsck", "--full", "--strict")
        yield git("rev-list", "--objects", "--all")

    def produces(self, folder):
        return sorted((folder / ".git/objects/pack").glob("*.pack"))

    @staticmethod
    def _prose(draw, lines):
        return "".join(" ".join(draw.choices(WORDS, k=8)) + "\n" for _ in range(lines))

    def _import(self, draw, commits):
        """A stream for git fast-import: each commit rewrites one of a few files."""
        for number in range(commits):
            text = self._prose(draw, 60)
            message = f"Change {number}\n"
            yield (f"commit refs/heads/main\ncommitter Ada <ada@example.org> {1600000000 + number} +0000\n"
                   f"data {len(message)}\n{message}"
                   f"M 100644 inline chapter{number % 7}.txt\ndata {len(text)}\n{text}\n")
