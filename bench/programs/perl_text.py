"""perl: words counted, swapped and sorted."""

from .program import Command, Program, randomness

SCRIPT = r"""
use strict;
local $/;
my $text = <STDIN>;
my %count;
$count{lc $1}++ while $text =~ /(\w+)/g;
my @order = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$_ $count{$_}\n" for @order[0 .. 20];
my @lines = map { join " ", reverse split } split /\n/, $text;
(my $swapped = $text) =~ s/(\w+) (\w+)/$2 $1/g;
print length $swapped, " ", substr($swapped, 0, 60), "\n", join("\n", (sort @lines)[0 .. 20]), "\n";
"""


class PerlText(Program):
    name = "perl"
    work = "words counted, swapped and sorted"
    measured = 15.0

    def prepare(self, folder, scale):
        draw = randomness(self)
        size = max(200, int(9_000 * scale))
        words = ["".join(draw.choices("abcdefghijklmnop", k=draw.randint(3, 10))) for _ in range(size)]
        lines = (" ".join(draw.choices(words, k=9)) for _ in range(size // 3))
        (folder / "work.pl").write_text(SCRIPT)
        (folder / "text").write_text("\n".join(lines) + "\n")

    def commands(self, folder):
        return [Command(["perl", "work.pl"], stdin=folder / "text")]
