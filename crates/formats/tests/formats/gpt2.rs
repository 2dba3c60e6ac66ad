//! GPT-2 folders that are not quite GPT-2 folders.

use crate::common;
use crate::common::{file, gpt2, safetensors, tensors, with_header};
use formats::Error;
use formats::gpt2::{Activation, Gpt2Config, Gpt2Files};
use formats::tensors::TensorFile;
use pollster::block_on;
use serde_json::{Value, json};

fn cfg() -> Value {
    json!({
        "model_type": "gpt2", "activation_function": "gelu_new", "n_layer": 1, "n_head": 2, "n_embd": 4,
        "n_positions": 3, "vocab_size": 5, "layer_norm_epsilon": 1e-5, "bos_token_id": 4,
    })
}

type Tensor = (String, Vec<usize>, Vec<f32>);

/// One block, 4 wide, with distinct values.
fn small(prefix: &str) -> Vec<Tensor> {
    let shapes: [(&str, &[usize]); 16] = [
        ("wte.weight", &[5, 4]),
        ("wpe.weight", &[3, 4]),
        ("h.0.ln_1.weight", &[4]),
        ("h.0.ln_1.bias", &[4]),
        ("h.0.attn.c_attn.weight", &[4, 12]),
        ("h.0.attn.c_attn.bias", &[12]),
        ("h.0.attn.c_proj.weight", &[4, 4]),
        ("h.0.attn.c_proj.bias", &[4]),
        ("h.0.ln_2.weight", &[4]),
        ("h.0.ln_2.bias", &[4]),
        ("h.0.mlp.c_fc.weight", &[4, 16]),
        ("h.0.mlp.c_fc.bias", &[16]),
        ("h.0.mlp.c_proj.weight", &[16, 4]),
        ("h.0.mlp.c_proj.bias", &[4]),
        ("ln_f.weight", &[4]),
        ("ln_f.bias", &[4]),
    ];
    let tensor = |&(name, shape): &(&str, &[usize])| {
        let count = shape.iter().product::<usize>();
        (
            format!("{prefix}{name}"),
            shape.to_vec(),
            (0..count).map(|i| i as f32).collect(),
        )
    };
    shapes.iter().map(tensor).collect()
}

fn bytes(tensors: &[Tensor]) -> Vec<u8> {
    let borrowed: Vec<_> = tensors
        .iter()
        .map(|(n, s, v)| (n.as_str(), s.as_slice(), v.clone()))
        .collect();
    safetensors(&borrowed)
}

fn read(cfg: &Value, tensors: &[Tensor]) -> Result<Gpt2Files, Error> {
    let weights = TensorFile::from_safetensors("model.safetensors", bytes(tensors))?;
    gpt2(cfg.to_string().as_bytes(), weights)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: &str, culprit: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(
        error.to_string().contains(culprit),
        "`{error}` should name {culprit}"
    );
}

#[test]
fn keys_may_have_a_prefix_or_none() {
    for prefix in ["", "transformer."] {
        let model = read(&cfg(), &small(prefix)).unwrap();
        assert_eq!(
            block_on(model.tensor("h.0.mlp.c_fc.bias")).unwrap().len(),
            16
        );
        assert_eq!(
            block_on(model.rows("wte.weight", 1..3)).unwrap(),
            [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]
        );
    }
}

#[test]
fn buffers_and_a_tied_head_are_ignored() {
    let mut tensors = small("");
    tensors.push(("h.0.attn.bias".into(), vec![1, 1, 3, 3], vec![1.0; 9]));
    tensors.push((
        "h.0.attn.masked_bias".into(),
        vec![],
        vec![f32::NEG_INFINITY],
    ));
    let embedding = tensors[0].clone();
    tensors.push(("lm_head.weight".into(), embedding.1, embedding.2));
    read(&cfg(), &tensors).unwrap();
    tensors.last_mut().unwrap().2[7] += 1.0;
    refused(
        read(&cfg(), &tensors),
        "unsupported-architecture",
        "lm_head.weight",
    );
}

#[test]
fn defaults_are_those_of_the_library() {
    let config = Gpt2Config::from_json(
        json!({"architectures": ["GPT2LMHeadModel"], "n_layer": 1, "n_head": 2, "n_embd": 4, "n_ctx": 3,
               "vocab_size": 5, "n_inner": null})
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(
        (config.n_positions, config.n_inner, config.bos_token_id),
        (3, 16, None)
    );
    assert_eq!(config.layer_norm_epsilon, 1e-5);
}

#[test]
fn other_models_are_refused_by_name() {
    let unsupported = |name: &str, value: Value, culprit: &str| {
        let mut cfg = cfg();
        cfg[name] = value;
        refused(read(&cfg, &small("")), "unsupported-architecture", culprit);
    };
    unsupported("model_type", "llama".into(), "`llama`");
    unsupported("activation_function", "relu".into(), "`relu`");
    unsupported("activation_function", "quick_gelu".into(), "`quick_gelu`");
    unsupported("add_cross_attention", true.into(), "add_cross_attention");
    let other = json!({"architectures": ["BertModel"]});
    refused(
        Gpt2Config::from_json(other.to_string().as_bytes()),
        "unsupported-architecture",
        "BertModel",
    );
}

#[test]
fn damaged_settings_are_named() {
    let bad = |name: &str, value: Value, culprit: &str| {
        let mut cfg = cfg();
        cfg[name] = value;
        refused(read(&cfg, &small("")), "bad-file", culprit);
    };
    bad("n_layer", 0.into(), "`n_layer` is 0");
    bad("n_layer", 10_000_000.into(), "`n_layer` is 10000000");
    bad("n_embd", Value::Null, "`n_embd` is null");
    bad("n_embd", u64::MAX.into(), "`n_embd`");
    bad("n_head", 3.into(), "must divide n_embd = 4");
    bad("layer_norm_epsilon", 0.into(), "layer_norm_epsilon");
    refused(Gpt2Config::from_json(b"{}"), "bad-file", "model_type");
    refused(Gpt2Config::from_json(b"\xff"), "bad-file", "config.json");
    refused(
        Gpt2Config::from_json(b"{\"model_type\":\"gpt2\"}"),
        "bad-file",
        "missing",
    );
}

#[test]
fn tensors_are_checked_against_the_settings() {
    for index in 0..16 {
        let mut tensors = small("transformer.");
        let name = tensors.remove(index).0;
        refused(
            read(&cfg(), &tensors),
            "bad-file",
            &format!("`{name}` is missing"),
        );
        let mut tensors = small("transformer.");
        tensors[index].1.push(1);
        refused(
            read(&cfg(), &tensors),
            "wrong-shape",
            &format!("`{name}` has shape"),
        );
    }
    let mut surplus = small("");
    surplus.push(("h.1.ln_1.weight".into(), vec![4], vec![0.0; 4]));
    refused(
        read(&cfg(), &surplus),
        "bad-file",
        "also holds `h.1.ln_1.weight`",
    );
    let mut deep = cfg();
    deep["n_layer"] = 4096.into();
    refused(
        read(&deep, &small("")),
        "bad-file",
        "`h.1.ln_1.weight` is missing",
    );
}

#[test]
fn weights_that_are_no_numbers_are_named() {
    let mut tensors = small("");
    tensors[10].2[9] = f32::NAN;
    tensors[0].2[6] = f32::INFINITY;
    let model = read(&cfg(), &tensors).unwrap();
    refused(
        block_on(model.tensor("h.0.mlp.c_fc.weight")),
        "non-finite-weights",
        "`h.0.mlp.c_fc.weight` holds NaN at element 9",
    );
    refused(
        block_on(model.rows("wte.weight", 1..3)),
        "non-finite-weights",
        "`wte.weight` holds inf at element 6",
    );
    block_on(model.rows("wte.weight", 2..5)).unwrap();
    refused(
        block_on(model.check_finite()),
        "non-finite-weights",
        "`wte.weight` holds inf at element 6",
    );
    let sound = read(&cfg(), &small("")).unwrap();
    block_on(sound.check_finite()).unwrap();
}

#[test]
fn truncated_weights_are_refused() {
    let whole = bytes(&small(""));
    for length in [0, 4, 8, 100, whole.len() - 1] {
        let result = TensorFile::from_safetensors("model.safetensors", whole[..length].to_vec());
        refused(result, "bad-file", "model.safetensors: ");
    }
    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    refused(
        TensorFile::from_safetensors("m", huge),
        "bad-file",
        "18446744073709551615 bytes",
    );
    let far = r#"{"a":{"dtype":"U8","shape":[18446744073709551600],"data_offsets":[0,18446744073709551600]}}"#;
    refused(
        TensorFile::from_safetensors("m", common::with_header(far, b"")),
        "bad-file",
        "`a` reaches",
    );
}

#[test]
fn a_model_of_the_wrong_size_does_not_fit_the_demos_weights() {
    let mut config: Value = serde_json::from_slice(&file("web/demo/model/config.json")).unwrap();
    config["n_embd"] = 768.into();
    config["n_head"] = 12.into();
    let result = gpt2(
        config.to_string().as_bytes(),
        tensors("web/demo/model/model.safetensors"),
    );
    refused(
        result,
        "wrong-shape",
        "`transformer.wte.weight` has shape [8192, 256], but [8192, 768]",
    );
}

#[test]
fn an_own_head_is_read_only_where_it_is_the_embedding_again() {
    let untied = {
        let mut cfg = cfg();
        cfg["tie_word_embeddings"] = false.into();
        cfg
    };
    refused(
        read(&untied, &small("")),
        "bad-file",
        "must hold the output projection, `lm_head.weight`",
    );
    let mut tensors = small("transformer.");
    let embedding = tensors[0].clone();
    tensors.push(("lm_head.weight".into(), embedding.1, embedding.2));
    read(&untied, &tensors).unwrap();
    read(&cfg(), &tensors).unwrap();
    for change in [1e-6, f32::NAN] {
        tensors.last_mut().unwrap().2[7] = 7.0 + change;
        assert!(read(&untied, &tensors).is_err() && read(&cfg(), &tensors).is_err());
    }
}

#[test]
fn a_head_of_another_data_type_is_compared_by_value() {
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    let model = |head: &[f32]| {
        let tensors = small("");
        let mut header = serde_json::Map::new();
        let mut data: Vec<u8> = Vec::new();
        let mut add = |name: &str, dtype: &str, shape: &[usize], bytes: Vec<u8>| {
            let start = data.len();
            data.extend(bytes);
            let entry =
                json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
            header.insert(name.to_owned(), entry);
        };
        for (name, shape, values) in &tensors {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            add(name, "F32", shape, bytes);
        }
        let bytes = head.iter().flat_map(|&v| half(v)).collect();
        add("lm_head.weight", "F16", &[5, 4], bytes);
        let bytes = with_header(&Value::Object(header).to_string(), &data);
        let weights = TensorFile::from_safetensors("model.safetensors", bytes).unwrap();
        gpt2(cfg().to_string().as_bytes(), weights)
    };
    let mut head: Vec<f32> = (0..20).map(|i| i as f32).collect();
    model(&head).unwrap();
    head[19] = 19.25;
    refused(model(&head), "unsupported-architecture", "lm_head.weight");
}

#[test]
fn names_of_the_same_activation_are_read_as_one() {
    let activation = |name: &str| {
        let mut cfg = cfg();
        cfg["activation_function"] = name.into();
        Gpt2Config::from_json(cfg.to_string().as_bytes()).map(|config| config.activation)
    };
    for name in [
        "gelu_new",
        "gelu_pytorch_tanh",
        "gelu_fast",
        "gelu_accurate",
    ] {
        assert_eq!(activation(name), Ok(Activation::GeluTanh), "{name}");
    }
    for name in ["gelu", "gelu_python"] {
        assert_eq!(activation(name), Ok(Activation::Gelu), "{name}");
    }
    for name in ["relu", "quick_gelu", "gelu_10", "silu", "GELU"] {
        refused(activation(name), "unsupported-architecture", name);
    }
}

#[test]
fn whole_numbers_may_be_written_otherwise() {
    let mut cfg = cfg();
    cfg["n_embd"] = 4.0.into();
    cfg["n_head"] = "2".into();
    cfg["layer_norm_epsilon"] = "1e-5".into();
    let config = Gpt2Config::from_json(cfg.to_string().as_bytes()).unwrap();
    assert_eq!((config.n_embd, config.n_head), (4, 2));
    assert_eq!(config.layer_norm_epsilon, 1e-5);
    cfg["n_embd"] = 4.5.into();
    let error = Gpt2Config::from_json(cfg.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("`n_embd` is 4.5"), "{error}");
}

#[test]
fn token_ids_left_over_from_another_model_are_noticed() {
    let config = |bos: Value, eos: Value| {
        let mut cfg = cfg();
        cfg["bos_token_id"] = bos;
        cfg["eos_token_id"] = eos;
        Gpt2Config::from_json(cfg.to_string().as_bytes())
    };
    let left_over = config(50256.into(), 50256.into()).unwrap();
    assert_eq!(
        (left_over.bos_token_id, &left_over.eos_token_ids[..]),
        (None, &[][..])
    );
    for (notice, name) in left_over
        .notices
        .iter()
        .zip(["bos_token_id", "eos_token_id"])
    {
        assert!(notice.contains(&format!("{name} = 50256")), "{notice}");
    }
    assert_eq!(left_over.notices.len(), 2);
    let several = config(json!([3]), json!([2, "4", 50256])).unwrap();
    assert_eq!(
        (several.bos_token_id, &several.eos_token_ids[..]),
        (Some(3), &[2, 4][..])
    );
    assert_eq!(several.notices.len(), 1);
    let none = config(Value::Null, (-1).into()).unwrap();
    assert_eq!((none.bos_token_id, none.notices.len()), (None, 0));
    refused(
        config("x".into(), 1.into()),
        "bad-file",
        "`bos_token_id` is \"x\"",
    );
    refused(
        config(1.into(), json!({})),
        "bad-file",
        "`eos_token_id` is {}",
    );
}

#[test]
fn tensors_that_gpt2_does_not_use_are_not_passed_over() {
    let with = |name: &str| {
        let mut tensors = small("transformer.");
        tensors.push((name.into(), vec![4], vec![1.0; 4]));
        read(&cfg(), &tensors)
    };
    for name in [
        "transformer.h.0.attn.q_norm.weight",
        "transformer.h.0.mlp.c_fc.lora_A.weight",
        "transformer.h.0.crossattention.c_attn.weight",
        "lm_head.bias",
    ] {
        refused(
            with(name),
            "unsupported-architecture",
            &format!("the tensor `{name}` is not used"),
        );
    }
    let notices = with("score.weight").unwrap().notices().to_vec();
    assert!(
        notices.len() == 1 && notices[0].contains("`score.weight`"),
        "{notices:?}"
    );
}

#[test]
fn a_shape_that_fits_transposed_says_so() {
    let mut tensors = small("");
    tensors[4].1 = vec![12, 4];
    refused(
        read(&cfg(), &tensors),
        "wrong-shape",
        "it would fit transposed",
    );
    tensors[4].1 = vec![6, 8];
    let error = read(&cfg(), &tensors).unwrap_err().to_string();
    assert!(!error.contains("transposed"), "{error}");
}
