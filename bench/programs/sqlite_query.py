"""sqlite3: rows generated, indexed, joined and ranked in memory."""

from .program import Command, Program

SCRIPT = """\
CREATE TABLE sale(id INTEGER PRIMARY KEY, shop TEXT, amount INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
  INSERT INTO sale SELECT i, 'shop ' || ((i * 7919) % 503), (i * 104729) % 1000003 FROM n;
CREATE INDEX sale_shop ON sale(shop);
SELECT shop, count(*), sum(amount), group_concat(amount % 10, '') FROM sale GROUP BY shop ORDER BY 3 DESC LIMIT 20;
SELECT count(*) FROM sale a JOIN sale b ON a.shop = b.shop AND a.amount + 1000 < b.amount AND a.id % 50 = 0;
SELECT shop, r FROM (SELECT shop, rank() OVER (ORDER BY sum(amount)) AS r FROM sale GROUP BY shop) WHERE r <= 20;
DELETE FROM sale WHERE amount % 3 = 0;
SELECT count(*), sum(length(shop)) FROM sale;
"""


class SqliteQuery(Program):
    name = "sqlite3"
    work = "rows indexed, joined and ranked in memory"
    measured = 1.5

    def prepare(self, folder, scale):
        (folder / "work.sql").write_text(SCRIPT.replace("ROWS", str(int(120_000 * scale))))

    def commands(self, folder):
        return [Command(["sqlite3", "-batch", ":memory:"], stdin=folder / "work.sql")]
