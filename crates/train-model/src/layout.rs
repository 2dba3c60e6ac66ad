//! The tensors of a GPT-2, in the order in which everything here keeps them.

use crate::config::Config;

/// A tensor of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name in transformers' `GPT2LMHeadModel`.
    pub name: String,
    /// Its shape. The weights of linear maps are `[in, out]`.
    pub shape: Vec<usize>,
}

impl Slot {
    /// Its numbers.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// True for a matrix: those decay, vectors do not.
    pub fn is_matrix(&self) -> bool {
        self.shape.len() >= 2
    }
}

/// All tensors of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(Vec<Slot>);

impl Layout {
    /// Those of a model with so many tokens.
    pub fn new(config: &Config, vocabulary: usize) -> Self {
        let d = config.n_embd;
        let mut slots = Vec::new();
        let mut add = |name: String, shape: &[usize]| {
            slots.push(Slot {
                name: format!("transformer.{name}"),
                shape: shape.to_vec(),
            });
        };
        add("wte.weight".to_owned(), &[vocabulary, d]);
        add("wpe.weight".to_owned(), &[config.n_positions, d]);
        for block in 0..config.n_layer {
            let parts: [(&str, usize, usize); 6] = [
                ("ln_1", 0, d),
                ("attn.c_attn", d, 3 * d),
                ("attn.c_proj", d, d),
                ("ln_2", 0, d),
                ("mlp.c_fc", d, 4 * d),
                ("mlp.c_proj", 4 * d, d),
            ];
            for (name, from, to) in parts {
                match from {
                    0 => add(format!("h.{block}.{name}.weight"), &[to]),
                    from => add(format!("h.{block}.{name}.weight"), &[from, to]),
                }
                add(format!("h.{block}.{name}.bias"), &[to]);
            }
        }
        add("ln_f.weight".to_owned(), &[d]);
        add("ln_f.bias".to_owned(), &[d]);
        Self(slots)
    }

    /// The tensors.
    pub fn slots(&self) -> &[Slot] {
        &self.0
    }

    /// Numbers of all tensors.
    pub fn count(&self) -> usize {
        self.0.iter().map(Slot::count).sum()
    }

    /// Zeros for every tensor.
    pub fn zeros(&self) -> Vec<Vec<f32>> {
        self.0.iter().map(|slot| vec![0.0; slot.count()]).collect()
    }

    /// True if these are numbers for all of its tensors.
    pub fn fits(&self, tensors: &[Vec<f32>]) -> bool {
        let counts = self.0.iter().map(Slot::count);
        counts.eq(tensors.iter().map(Vec::len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_model_has_its_number_of_parameters() {
        assert_eq!(Layout::new(&Config::default(), 8192).count(), 6_901_760);
    }
}
