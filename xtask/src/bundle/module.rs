//! One ES module as a bundle takes it: its body without imports and exports, and what these were.

use anyhow::{Context, Result, bail};
use oxc::allocator::Allocator;
use oxc::ast::ast::{
    Argument, Declaration, ExportNamedDeclaration, Expression, ImportDeclaration,
    ImportDeclarationSpecifier, ImportExpression, NewExpression, Statement, StaticMemberExpression,
    StringLiteral, VariableDeclarationKind,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan as _, Span};

use super::{Bundler, parsed};

/// The address of a module, as it says itself.
const META: &str = "import.meta.url";

/// A module, prepared for a bundle.
pub struct Module {
    /// In the order of the source.
    pub imports: Vec<Import>,
    /// Exported name → local name.
    pub exports: Vec<(String, String)>,
    /// The code, without import and export declarations.
    pub body: String,
}

/// An import of another module.
pub struct Import {
    /// Its path below the root.
    pub from: String,
    /// The names, as a pattern to which the other's exports are assigned; `None` where nothing is named.
    pub pattern: Option<String>,
}

impl Module {
    /// Reads a module, which lies at a path below the root of a bundler.
    pub fn parse(path: &str, source: &str, bundler: &Bundler) -> Result<Self> {
        let allocator = Allocator::default();
        let program = parsed(&allocator, source).with_context(|| path.to_owned())?;
        let mut reader = Reader {
            path,
            source,
            imports: Vec::new(),
            exports: Vec::new(),
            edits: Vec::new(),
        };
        for statement in &program.body {
            reader
                .statement(statement)
                .with_context(|| path.to_owned())?;
        }
        let mut addresses = Addresses {
            path,
            source,
            bundler,
            imports: Vec::new(),
            edits: Vec::new(),
            unknown: None,
        };
        addresses.visit_program(&program);
        if let Some(specifier) = addresses.unknown {
            bail!(
                "{path} imports {specifier} when it runs, which has no place of its own in the site"
            );
        }
        reader.edits.append(&mut addresses.edits);
        reader.imports.append(&mut addresses.imports);
        Ok(Self {
            body: edited(source, reader.edits),
            imports: reader.imports,
            exports: reader.exports,
        })
    }
}

/// Collects imports and exports, and takes their declarations out.
struct Reader<'a> {
    path: &'a str,
    source: &'a str,
    imports: Vec<Import>,
    exports: Vec<(String, String)>,
    edits: Vec<(Span, String)>,
}

impl Reader<'_> {
    fn statement(&mut self, statement: &Statement) -> Result<()> {
        match statement {
            Statement::ImportDeclaration(import) => self.import(import),
            Statement::ExportNamedDeclaration(export) => self.export(export),
            Statement::ExportDefaultDeclaration(_) | Statement::ExportAllDeclaration(_) => {
                bail!(
                    "exports must be named one by one: {}",
                    self.text(statement.span())
                )
            }
            _ => Ok(()),
        }
    }

    fn import(&mut self, import: &ImportDeclaration) -> Result<()> {
        let mut names = Vec::new();
        let mut whole = None;
        for specifier in import.specifiers.iter().flatten() {
            match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(one) => {
                    names.push(format!("{}: {}", one.imported.name(), one.local.name));
                }
                ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                    names.push(format!("default: {}", one.local.name));
                }
                ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                    whole = Some(one.local.name.to_string());
                }
            }
        }
        let named = (!names.is_empty()).then(|| format!("{{ {} }}", names.join(", ")));
        if whole.is_some() && named.is_some() {
            bail!(
                "import names or the whole module, not both: {}",
                self.text(import.span)
            );
        }
        self.imports.push(Import {
            from: self.resolve(&import.source)?,
            pattern: whole.or(named),
        });
        self.edits.push((import.span, String::new()));
        Ok(())
    }

    fn export(&mut self, export: &ExportNamedDeclaration) -> Result<()> {
        if let Some(declaration) = &export.declaration {
            let names = self.declared(declaration)?;
            self.exports
                .extend(names.into_iter().map(|name| (name.clone(), name)));
            let keyword = Span::new(export.span.start, declaration.span().start);
            self.edits.push((keyword, String::new()));
            return Ok(());
        }
        let mut passed_on = Vec::new();
        for one in &export.specifiers {
            let (local, exported) = (one.local.name(), one.exported.name());
            if export.source.is_some() {
                let own = format!("passedOn{}", self.exports.len());
                passed_on.push(format!("{local}: {own}"));
                self.exports.push((exported.to_string(), own));
            } else {
                self.exports.push((exported.to_string(), local.to_string()));
            }
        }
        if let Some(source) = &export.source {
            self.imports.push(Import {
                from: self.resolve(source)?,
                pattern: Some(format!("{{ {} }}", passed_on.join(", "))),
            });
        }
        self.edits.push((export.span, String::new()));
        Ok(())
    }

    /// Names of an exported declaration.
    fn declared(&self, declaration: &Declaration) -> Result<Vec<String>> {
        let named = |name: Option<&str>| {
            name.map(|name| vec![name.to_owned()]).with_context(|| {
                format!(
                    "an export without a name: {}",
                    self.text(declaration.span())
                )
            })
        };
        match declaration {
            Declaration::FunctionDeclaration(function) => {
                named(function.id.as_ref().map(|id| id.name.as_str()))
            }
            Declaration::ClassDeclaration(class) => {
                named(class.id.as_ref().map(|id| id.name.as_str()))
            }
            Declaration::VariableDeclaration(variables)
                if variables.kind == VariableDeclarationKind::Const =>
            {
                let names = variables.declarations.iter();
                Ok(names
                    .flat_map(|one| one.id.get_binding_identifiers())
                    .map(|id| id.name.to_string())
                    .collect())
            }
            _ => bail!(
                "an export that may change later, which a bundle would not see: {}",
                self.text(declaration.span())
            ),
        }
    }

    fn resolve(&self, specifier: &StringLiteral) -> Result<String> {
        resolved(self.path, &specifier.value)
            .with_context(|| format!("{} is no file of the project", specifier.value))
    }

    /// The first line of a part of the source.
    fn text(&self, span: Span) -> &str {
        let text = &self.source[span.start as usize..span.end as usize];
        text.lines().next().unwrap_or_default()
    }
}

/// Gives files that have an address of their own this address, in `new URL('./file', import.meta.url)` and `import('./file')`.
struct Addresses<'a> {
    path: &'a str,
    source: &'a str,
    bundler: &'a Bundler,
    /// What is imported at run time, in a bundle that holds such modules.
    imports: Vec<Import>,
    edits: Vec<(Span, String)>,
    /// What is imported at run time and has none.
    unknown: Option<String>,
}

impl Addresses<'_> {
    fn place(&mut self, literal: &StringLiteral) -> bool {
        let path = resolved(self.path, &literal.value);
        let address = path.and_then(|path| self.bundler.placed.get(&path));
        if let Some(address) = address {
            self.edits.push((literal.span, format!("{address:?}")));
        }
        address.is_some()
    }

    /// A module without an address that is imported at run time: a part of the bundle, where that may be.
    fn later(&mut self, import: &ImportExpression, module: &StringLiteral) {
        match resolved(self.path, &module.value) {
            Some(from) if self.bundler.address.is_some() => {
                let name = format!("later{}", self.imports.len());
                let promise = format!("Promise.resolve({name})");
                self.edits.push((import.span, promise));
                self.imports.push(Import {
                    from,
                    pattern: Some(name),
                });
            }
            _ => self.unknown = Some(module.value.to_string()),
        }
    }

    fn text(&self, span: Span) -> &str {
        &self.source[span.start as usize..span.end as usize]
    }
}

impl<'a> Visit<'a> for Addresses<'_> {
    fn visit_new_expression(&mut self, new: &NewExpression<'a>) {
        let url = matches!(&new.callee, Expression::Identifier(name) if name.name == "URL");
        if let (true, [Argument::StringLiteral(file), base]) = (url, new.arguments.as_slice())
            && self.text(base.span()) == META
        {
            self.place(file);
        }
        walk::walk_new_expression(self, new);
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        if let Expression::StringLiteral(module) = &import.source
            && !self.place(module)
        {
            self.later(import, module);
        }
        walk::walk_import_expression(self, import);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if let Some(address) = &self.bundler.address
            && self.text(member.span) == META
        {
            self.edits.push((member.span, format!("{address:?}")));
        }
        walk::walk_static_member_expression(self, member);
    }
}

/// The path of what a module names relative to itself; `None` where that is none, or leads out of the root.
fn resolved(from: &str, specifier: &str) -> Option<String> {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return None;
    }
    let mut segments: Vec<&str> = from.split('/').collect();
    segments.pop();
    for segment in specifier.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

/// A text with some of its parts replaced; parts inside of a replaced part are replaced with it.
fn edited(source: &str, mut edits: Vec<(Span, String)>) -> String {
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let mut text = String::new();
    let mut at = 0;
    for (span, new) in edits {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < at {
            continue;
        }
        text.push_str(&source[at..start]);
        text.push_str(&new);
        at = end;
    }
    text.push_str(&source[at..]);
    text
}
