"""Unmodified neo4j-graphrag answers from docmill's graph.

Reads {"uri", "password", "question", "vector"} from standard input; prints a JSON object with what each retriever found.
"""

import json
import sys
import warnings

import neo4j
from neo4j_graphrag.embeddings.base import Embedder
from neo4j_graphrag.retrievers import HybridRetriever, VectorCypherRetriever, VectorRetriever

warnings.simplefilter("ignore")
asked = json.load(sys.stdin)
driver = neo4j.GraphDatabase.driver(asked["uri"], auth=("neo4j", asked["password"]))


class Docmill(Embedder):
    """The vector that docmill has made of the question."""

    def embed_query(self, text):
        assert text == asked["question"]
        return asked["vector"]


def found(retriever):
    return [str(item.content) for item in retriever.search(query_text=asked["question"], top_k=3).items]


around = """
MATCH (node)-[:FROM_DOCUMENT]->(d:Document)
OPTIONAL MATCH (node)-[:NEXT_CHUNK]->(next)
RETURN d.title AS title, d.url AS url, node.text AS text, next.text AS next, score
"""
embedder = Docmill()
properties = VectorRetriever(driver, index_name="vector", embedder=embedder)
node = properties.get_search_results(query_text=asked["question"], top_k=1).records[0]["node"]
print(
    json.dumps(
        {
            "vector": found(properties),
            "vector_cypher": found(
                VectorCypherRetriever(driver, index_name="vector", retrieval_query=around, embedder=embedder)
            ),
            "hybrid": found(
                HybridRetriever(driver, vector_index_name="vector", fulltext_index_name="keyword", embedder=embedder)
            ),
            "properties": sorted(name for name, value in node.items() if value is not None),
        }
    )
)
