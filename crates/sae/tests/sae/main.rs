//! Tests of `sae` through its public face. One module a subject, in one program, so that what all of them need is linked once.

mod default_limits;
mod formulas;
