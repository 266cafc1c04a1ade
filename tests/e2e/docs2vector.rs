//! docs2vector's users move with their `.env` and their `data/` folder.

use std::fs;

use docmill_stages::item::{KEY_LEN, key_of_url};
use serde_json::{Value, json};

use crate::support::model::needs_model;
use crate::support::program::Docmill;

const DOTENV: &str = r#"
# Pipeline
PIPELINE_MODE=streaming
STORAGE_MODE=auto
USE_NEO4J=false
NEO4J_URI=neo4j://localhost:7687
NEO4J_USERNAME=neo4j
NEO4J_PASSWORD='pass word#1'   # only for the graph
NEO4J_DATABASE=neo4j
DATA_DIR=./data
LOG_LEVEL=INFO

# Embeddings
EMBEDDING_PROVIDER=sentence-transformers
export EMBEDDING_MODEL="all-MiniLM-L6-v2"
EMBEDDING_BATCH_SIZE=32
EMBEDDING_DIMENSION=384
OLLAMA_BASE_URL=http://localhost:11434
OPENAI_API_KEY=

# Scraper
SCRAPER_DOWNLOAD_DELAY=1.0
SCRAPER_CONCURRENT_REQUESTS=2
SCRAPER_DEPTH_LIMIT=4
CLOSESPIDER_PAGECOUNT=50
CHUNK_SIZE=512
CHUNK_OVERLAP=64
S3_BUCKET_NAME=
AWS_REGION=us-east-1
"#;

/// A place whose settings come from `.env` alone.
fn moved_in() -> Docmill {
    let mut docmill = Docmill::new();
    docmill.unset("DATA_DIR");
    docmill.put_dotenv(DOTENV);
    fs::create_dir_all(docmill.work_dir().join("data/raw")).unwrap();
    docmill
}

fn put(docmill: &Docmill, name: &str, value: &Value) {
    fs::write(docmill.work_dir().join("data/raw").join(name), serde_json::to_vec_pretty(value).unwrap()).unwrap();
}

/// A list of a folder's files, read as JSON.
fn lists(docmill: &Docmill, folder: &str) -> Vec<(String, Vec<Value>)> {
    let entries = fs::read_dir(docmill.work_dir().join("data").join(folder)).unwrap();
    let mut lists: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let list = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), list)
        })
        .collect();
    lists.sort_by(|one, other| one.0.cmp(&other.0));
    lists
}

/// The list in the one time-stamped file of a folder.
fn stamped(docmill: &Docmill, folder: &str, prefix: &str) -> Vec<Value> {
    let mut found = lists(docmill, folder);
    found.retain(|(name, _)| name.starts_with(prefix));
    assert_eq!(found.len(), 1, "{folder} has not one file {prefix}*");
    found.remove(0).1
}

/// An item with every field that docs2vector writes.
fn full_item() -> Value {
    json!({
        "url": "https://support.example.com/hc/en-us/articles/123-Billing",
        "title": "Billing basics",
        "content": "# Billing basics\n\nInvoices are sent on the first day of the month.\n\n## Refunds\n\nA refund takes five days.",
        "html_content": "<article><h1>Billing basics</h1><p>Invoices are sent on the first day of the month.</p><h2 id=\"refunds\">Refunds</h2><p>A refund takes five days.</p></article>",
        "text_content": "Billing basics Invoices are sent on the first day of the month. Refunds A refund takes five days.",
        "last_updated": "2024-03-01T10:00:00",
        "breadcrumbs": ["Help", "Billing"],
        "related_links": [{"text": "Cards", "url": "https://support.example.com/hc/en-us/articles/124-Cards"}],
        "things_to_know": ["Prices are without tax."],
        "things_to_do": [],
        "things_to_avoid": [],
        "metadata": {"locale": "en-us", "article_id": "123", "page_hash": "abc", "change_status": "new"},
        "scraped_at": "2024-03-02T11:12:13.123456"
    })
}

/// An item with as little as is allowed, and nulls for the rest.
fn sparse_item() -> Value {
    json!({
        "url": "https://support.example.com/hc/en-us/articles/124-Cards",
        "title": "Cards",
        "content": null,
        "html_content": null,
        "text_content": "Credit cards are charged at checkout.",
        "last_updated": null,
        "breadcrumbs": null,
        "related_links": null,
        "things_to_know": null,
        "metadata": {"locale": null, "article_id": 124, "page_hash": null, "change_status": null},
        "scraped_at": null
    })
}

#[test]
fn its_items_and_its_settings_are_taken_as_they_are() {
    needs_model!();
    let docmill = moved_in();
    let (full, sparse) = (full_item(), sparse_item());
    let bare =
        json!({"url": "https://support.example.com/bare", "title": "Bare", "content": "Gift vouchers never expire."});
    put(&docmill, "item_123_0123456789ab.json", &json!([full]));
    put(&docmill, "item_124_ba9876543210.json", &json!([sparse]));
    put(&docmill, "item_0000000000ff.json", &json!([bare]));
    let finished = docmill.run(&["process"]).expect(0);
    assert_eq!(finished.progress()[..2], [3, 3], "{finished}");
    assert!(!finished.stderr.contains("pass word"), "a secret was shown\n{finished}");

    let key = |item: &Value| key_of_url(item["url"].as_str().unwrap(), KEY_LEN);
    let (one, two, three) = (key(&full), key(&sparse), key(&bare));
    let mut stems = [format!("item_123_{one}"), format!("item_124_{two}"), format!("item_{three}")];
    stems.sort();
    let processed = lists(&docmill, "processed");
    let chunks = lists(&docmill, "chunks");
    let names = |lists: &[(String, Vec<Value>)]| lists.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&processed), stems.clone().map(|stem| format!("{stem}_processed.json")));
    assert_eq!(names(&chunks), stems.map(|stem| format!("{stem}_chunks.json")));
    assert!(lists(&docmill, "embeddings").is_empty(), "the chunk files hold the vectors");

    let document = &processed.iter().find(|(name, _)| name.contains("_123_")).unwrap().1[0];
    for field in ["url", "title", "markdown_content", "last_updated"] {
        assert!(document[field].is_string(), "{field}: {document}");
    }
    let expected =
        json!({"breadcrumbs": ["Help", "Billing"], "article_id": "123", "locale": "en-us", "category": "Help"});
    for (field, value) in expected.as_object().unwrap() {
        // The outermost breadcrumb is the category unless it is the site.
        if field != "category" {
            assert_eq!(&document["metadata"][field], value, "{document}");
        }
    }
    for chunk in chunks.iter().flat_map(|(_, list)| list) {
        assert_eq!(chunk["embedding"].as_array().unwrap().len(), 384);
        for field in
            ["chunk_index", "sub_chunk_index", "chunk_title", "chunk_id", "doc_id", "source_url", "document_title"]
        {
            assert!(!chunk["metadata"][field].is_null(), "{field}: {}", chunk["metadata"]);
        }
        assert!(chunk["content"].as_str().unwrap().chars().count() <= 512);
    }
    let answer = docmill.run(&["search", "--json", "when do I get my money back"]).expect(0).json();
    assert_eq!(answer["hits"][0]["title"], "Billing basics");
}

#[test]
fn its_batch_files_are_read_and_the_newest_item_of_a_url_wins() {
    needs_model!();
    let docmill = moved_in();
    let version = |text: &str, at: &str| json!({"url": "https://support.example.com/v", "title": "V", "content": text, "scraped_at": at});
    put(
        &docmill,
        "raw_data_20240301_120000.json",
        &json!([full_item(), version("An old walrus.", "2024-03-01T12:00:00"), sparse_item()]),
    );
    put(&docmill, "raw_data_20240401_120000.json", &json!([version("A new pelican.", "2024-04-01T12:00:00Z")]));
    put(&docmill, "raw_data_20240402_120000.json", &json!([version("An older heron.", "2024-02-01T12:00:00+02:00")]));
    docmill.run(&["process", "--mode", "batch"]).expect(0);
    let documents = stamped(&docmill, "processed", "processed_docs_");
    assert_eq!(documents.len(), 3);
    assert!(documents.iter().any(|document| document["markdown_content"].as_str().unwrap().contains("pelican")));
    let chunks = stamped(&docmill, "chunks", "chunks_");
    let embedded = stamped(&docmill, "embeddings", "chunks_with_embeddings_");
    assert_eq!(chunks.len(), embedded.len());
    assert!(embedded.iter().all(|chunk| chunk["embedding"].as_array().unwrap().len() == 384));
}

#[test]
fn one_bad_item_is_refused_alone() {
    needs_model!();
    let docmill = moved_in();
    let list = json!([
        {"title": "No URL", "content": "x"},
        full_item(),
        {"url": "https://support.example.com/no-text", "title": "No text"},
        {"url": "https://support.example.com/number", "title": 7, "content": "x"},
        {"url": "not a url", "title": "Bad URL", "content": "x"},
        "a text",
        sparse_item(),
        {"url": "https://support.example.com/empty", "title": "Empty", "content": ""}
    ]);
    put(&docmill, "raw_data_20240301_120000.json", &list);
    fs::write(docmill.work_dir().join("data/raw/item_broken.json"), "[{\"url\": \"https://a").unwrap();
    fs::write(docmill.work_dir().join("data/raw/item_binary.json"), [0xff, 0xfe, 0x00]).unwrap();
    fs::write(docmill.work_dir().join("data/raw/notes.txt"), "no item").unwrap();
    let finished = docmill.run(&["process"]).expect(1);
    let answer = docmill.run(&["status", "--json"]).expect(0).json();
    assert_eq!(answer["items"]["done"], 3, "{finished}");
    assert_eq!(answer["items"]["dead"], 7, "{answer:#}");
    for dead in answer["dead"].as_array().unwrap() {
        assert!(!dead["error"].as_str().unwrap().is_empty(), "{dead}");
    }
    finished.says(&["raw_data_20240301_120000.json", "item_broken.json", "item_binary.json"]);
}
