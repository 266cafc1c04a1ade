"""sentence-transformers beside docmill: the same weights, the same texts.

Arguments: model folder, working folder (texts.json in, vectors.f32 out),
window in tokens, threads, batch size. One line on standard output says that it
is ready; then each line on standard input is one pass over all texts, answered
by a line of JSON.
"""

import json
import os
import sys
import time
import warnings

# Names differ between versions, and the old ones still work.
warnings.filterwarnings("ignore")

model_folder, folder = sys.argv[1:3]
window, threads, batch = map(int, sys.argv[3:6])
os.environ["OMP_NUM_THREADS"] = str(threads)
os.environ["TOKENIZERS_PARALLELISM"] = "true"

# Libraries talk on standard output; only the answers may go there.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import numpy
import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer, models

torch.set_num_threads(threads)
if os.path.exists(os.path.join(model_folder, "modules.json")):
    model = SentenceTransformer(model_folder, device="cpu")
else:
    encoder = models.Transformer(model_folder)
    encoder.max_seq_length = window
    pooling = models.Pooling(encoder.get_word_embedding_dimension(), pooling_mode="mean")
    model = SentenceTransformer(modules=[encoder, pooling, models.Normalize()], device="cpu")

with open(os.path.join(folder, "texts.json"), encoding="utf-8") as file:
    texts = json.load(file)
model.encode(texts[:batch], batch_size=batch)


def answer(text):
    print(text, file=answers, flush=True)


answer(f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}, {threads} threads")
for _ in sys.stdin:
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False)
    seconds = time.perf_counter() - start
    numpy.asarray(vectors, dtype="<f4").tofile(os.path.join(folder, "vectors.f32"))
    answer(json.dumps({"seconds": seconds, "dimension": int(vectors.shape[1])}))
