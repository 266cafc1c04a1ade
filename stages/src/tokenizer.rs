//! The embedding model's own tokenizer, read one way by the chunker, which
//! counts with it, and by the embedder, which encodes with it.

use tokenizers::Tokenizer;

/// The tokenizer of a `tokenizer.json`, without the truncation and padding
/// that the file may ask for (a common file cuts every text at 128 tokens, so
/// that longer ones would be counted, and embedded, as 128), and reading
/// special tokens in a text as plain text: `[SEP]` on a page is five
/// characters, and no end of it.
///
/// # Errors
/// What the library says of bytes that are no tokenizer.
pub fn read(json: &[u8]) -> Result<Tokenizer, tokenizers::Error> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    tokenizer.set_encode_special_tokens(true);
    Ok(tokenizer)
}
