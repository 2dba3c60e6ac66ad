//! Tests of `formats` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod archives;
mod attention;
mod common;
mod demo;
mod gpt2;
mod gpt2_tokenizer;
mod hostile;
mod lazy;
mod openai;
mod pickles;
mod saelens;
mod shards;
mod surplus;
mod tokenizer;
mod writing;
