"""The official Python driver, row by row or with UNWIND.

Reads documents from the file that is named first; prints the seconds that loading them took. The graph has its constraints
and indexes already.
"""

import json
import sys
import time

import neo4j

documents, uri, password, how = sys.argv[1:5]
with open(documents) as file:
    documents = json.load(file)
driver = neo4j.GraphDatabase.driver(uri, auth=("neo4j", password))
driver.verify_connectivity()

DOCUMENT = "MERGE (d:Document {url: row.url}) SET d.title = row.title"
CHUNK = """
MATCH (d:Document {url: row.document})
MERGE (c:Chunk {id: row.id}) SET c.text = row.text, c.index = row.index MERGE (c)-[:FROM_DOCUMENT]->(d)
WITH c, row CALL db.create.setNodeVectorProperty(c, 'embedding', row.embedding)
"""
NEXT = "MATCH (c:Chunk {id: row.from}) MATCH (n:Chunk {id: row.to}) MERGE (c)-[:NEXT_CHUNK]->(n)"

chunks = [dict(chunk, document=document["url"]) for document in documents for chunk in document["chunks"]]
pairs = [
    {"from": one["id"], "to": other["id"]}
    for document in documents
    for one, other in zip(document["chunks"], document["chunks"][1:])
]


def row_by_row():
    for statement, rows in [(DOCUMENT, documents), (CHUNK, chunks), (NEXT, pairs)]:
        for row in rows:
            with driver.session() as session:
                session.execute_write(lambda tx: tx.run("WITH $row AS row " + statement, row=row).consume())


def unwind():
    with driver.session() as session:
        for statement, rows in [(DOCUMENT, documents), (CHUNK, chunks), (NEXT, pairs)]:
            for start in range(0, len(rows), 500):
                some = rows[start : start + 500]
                session.execute_write(lambda tx: tx.run("UNWIND $rows AS row " + statement, rows=some).consume())


begun = time.monotonic()
{"row-by-row": row_by_row, "unwind": unwind}[how]()
driver.execute_query("CALL db.awaitIndexes(300)")
print(time.monotonic() - begun)
