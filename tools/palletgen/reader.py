"""Text to Pallet: the grammar of docs/pallet-language.md."""
import difflib
import os
import re
import sys

from model import (ALIASES, HASHERS, NOT_BUILT, SCALARS, Call, Const, Field, Hook, Named, Pallet, Runtime, Storage,
                   Type, Variant, snake)

C_WORDS = {'bool', 'default', 'register', 'switch', 'union', 'static', 'signed', 'int', 'long', 'short', 'double',
           'float', 'char', 'auto', 'const', 'enum', 'for', 'if', 'class', 'inline', 'void',
           'struct', 'return', 'volatile', 'extern', 'while', 'do', 'else', 'case', 'break', 'goto', 'restrict'}
PLAIN = {'AccountId': 'account', 'Hash': 'hash', 'Str': 'str', 'Era': 'era', 'Void': 'void', 'Call': 'call',
         'Event': 'event', 'Runtime': 'runtime', 'Extrinsic': 'extrinsic'}
SHARED_CRATE = 'tfchain_support'    # its types have the prefix support_, wherever they are declared
ORIGINS = {'signed', 'root', 'none', 'any', 'restricted', 'signed_or_root', 'signed_or_restricted'}


def member(name):
    return name + '_' if name in C_WORDS else name


class Reader:
    """Splits a file into tokens and reads them one at a time."""
    TOKEN = re.compile(r'(?P<doc>///[^\n]*)|(?P<comment>#[^\n]*)|(?P<word>[A-Za-z_][\w]*(?:::\w+)*)'
                       r'|(?P<number>0x[0-9a-fA-F_]*|\d[\d_]*)|(?P<sign>->|[-@{}()\[\]<>,:;=?+/.])'
                       r'|(?P<space>[ \t]+)|(?P<line>\n)')

    def __init__(self, path):
        self.path, self.tokens, self.at = path, [], 0
        text, line, pos = open(path).read(), 1, 0
        while pos < len(text):
            m = self.TOKEN.match(text, pos)
            if not m:
                sys.exit(f'{path}:{line}: cannot read {text[pos:pos + 20]!r}')
            if m.lastgroup not in ('space', 'line', 'comment'):
                self.tokens.append((m.lastgroup, m.group(), line))
            line += m.group().count('\n')
            pos = m.end()

    def fail(self, message):
        line = self.tokens[min(self.at, len(self.tokens) - 1)][2]
        sys.exit(f'{self.path}:{line}: {message}')

    def more(self): return self.at < len(self.tokens)
    def peek(self): return self.tokens[self.at][1] if self.more() else ''
    def peek_kind(self): return self.tokens[self.at][0] if self.more() else ''
    def new_line(self): return not self.more() or self.tokens[self.at][2] != self.tokens[self.at - 1][2]

    def next(self, want=None):
        got = self.peek()
        if want and got != want:
            self.fail(f'expected {want!r}, found {got!r}')
        self.at += 1
        return got

    def take(self, sign):
        if self.peek() == sign:
            self.at += 1
            return True
        return False

    def word(self):
        if self.peek_kind() != 'word':
            self.fail(f'expected a name, found {self.peek()!r}')
        return self.next()

    def words(self):
        out = [self.word()]
        while self.take(','):
            out.append(self.word())
        return out

    def number(self):
        if self.peek_kind() != 'number':
            self.fail(f'expected a number, found {self.peek()!r}')
        return int(self.next().replace('_', ''), 0)

    def literal(self):
        """A number, the name of a variant, or 0x... : a string keeps how many bytes were written."""
        if self.peek_kind() == 'word':
            return self.next()
        text = self.next().replace('_', '')
        return text if text.startswith('0x') else int(text)

    def line_text(self, between=''):
        """The rest of the line, as one string without spaces."""
        line, out = self.tokens[self.at][2], []
        while self.more() and self.tokens[self.at][2] == line:
            out.append(self.next())
        return between.join(out)

    def docs_before(self):
        docs = []
        while self.peek_kind() == 'doc':
            docs.append(self.next()[3:].strip())
        return docs

    def docs_after(self):
        """A /// on the same line as the token before it."""
        if self.peek_kind() == 'doc' and not self.new_line():
            return [self.next()[3:].strip()]
        return []


class PalletReader(Reader):
    def __init__(self, path, others, prefix=None):
        """others: {name: Pallet} read before; prefix: of shared types, which declare no pallet."""
        super().__init__(path)
        self.others, self.bounds, self.scope = others, {}, {}
        self.p = Pallet(path, name=prefix or '')
        self.use('support')

    def use(self, name):
        if name in self.others:
            for type_name, named in self.others[name].types.items():
                self.scope.setdefault(type_name, named)

    # ------------------------------------------------------------------ types

    def bound(self):
        if self.peek_kind() == 'number':
            return self.number()
        name = self.word()
        if name not in self.bounds:
            self.fail(f'unknown constant {name!r}')
        return self.bounds[name]

    def type_(self):
        start = self.at
        t = self.type_body()
        t.text = ''.join(token[1] + (' ' if token[1] in ',;' else '') for token in self.tokens[start:self.at])
        return t

    def type_body(self):
        if self.take('['):
            self.next('u8'); self.next(';'); n = self.number(); self.next(']')
            return Type('array', (n,))
        if self.take('('):
            parts = []
            while not self.take(')'):
                parts.append(self.type_())
                self.take(',')
            return Type('tuple', tuple(parts)) if parts else Type('unit')
        name = self.word()
        name = ALIASES.get(name, name)
        if name in SCALARS:
            return Type(name)
        if name in PLAIN:
            return Type(PLAIN[name])
        if name == 'Bytes':
            bound = None
            if self.take('<'):
                bound = self.bound(); self.next('>')
            return Type('bytes', (), bound)
        if name in ('Vec', 'WeakVec', 'Option', 'Compact'):
            self.next('<'); inner = self.type_(); bound = self.bound() if self.take(',') else None; self.next('>')
            return Type('vec' if name == 'WeakVec' else name.lower(), (inner,), bound, name == 'WeakVec')
        if name == 'Result':
            self.next('<'); ok = self.type_(); self.next(','); error = self.type_(); self.next('>')
            return Type('result', (ok, error))
        known = {**self.scope, **self.p.types}
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *SCALARS, *ALIASES, *PLAIN, 'Bytes'], 1)
            self.at -= 1
            self.fail(f'unknown type {name!r}' + (f' (did you mean {near[0]!r}?)' if near else ''))
        return Type('named', (known[name],))

    def fields(self, close):
        out = []
        while self.peek() != close:
            before = self.docs_before()
            name = self.word(); self.next(':'); t = self.type_()
            default = self.literal() if self.take('=') else None
            self.take(',')
            if any(f.name == name for f in out):
                self.fail(f'{name!r} is declared twice')
            out.append(Field(name, t, before + self.docs_after(), default=default))
        self.next(close)
        return out

    def payload(self):
        """{ fields }, named in the metadata too; or ( fields ), named only in C and docs; or nothing.
        A field without a name is named after its type."""
        if self.take('{'):
            return self.fields('}')
        out = []
        if self.take('('):
            while self.peek() != ')':
                name = ''
                if self.peek_kind() == 'word' and self.tokens[self.at + 1][1] == ':':
                    name = self.word(); self.next(':')
                t = self.type_()
                name = name or snake(re.split('[<;]', t.text)[0].strip('[('))
                while any(f.name == name for f in out):
                    name += '_'
                out.append(Field(name, t, [], True))
                self.take(',')
            self.next(')')
        return out

    def numbered(self, items, what):
        index = self.number()
        if any(i.index == index for i in items):
            self.fail(f'{what} {index} is declared twice')
        return index

    def params(self):
        """<Name: Type, T>: the type's parameters as the metadata shows them."""
        out = []
        if self.take('<'):
            while not self.take('>'):
                name = self.word()
                out.append((name, self.type_() if self.take(':') else None))
                self.take(',')
        return out

    # ----------------------------------------------------------- declarations

    def read_named(self, form, docs):
        name = self.word()
        like = self.type_().args[0] if self.take('as') else None
        path = self.word().split('::') if self.take('@') else [self.p.crate, 'types']
        if not path[-1][0].isupper():
            path = path + [name]            # a path may end with another name than C's
        if name in self.p.types:
            self.fail(f'type {name!r} is declared twice')
        prefix = 'support' if path[0] == SHARED_CRATE else self.p.name
        n = Named(name, form, path, self.params(), [], [], docs, prefix, self.p.name, like)
        if form == 'enum':
            self.next('{')
            while self.peek() != '}':
                before = self.docs_before()
                index = self.numbered(n.variants, 'variant')
                variant = self.word(); fields = self.payload(); self.take(',')
                n.variants.append(Variant(index, variant, fields, before + self.docs_after()))
            self.next('}')
        elif self.take('{'):
            n.fields = self.fields('}')
        else:
            self.next('('); n.form = 'newtype'; inner = self.type_(); self.next(')')
            n.fields = [Field('', inner, [], True, self.literal() if self.take('=') else None)]
        self.p.types[name] = n

    def read_storage(self, docs):
        name, keys = self.word(), []
        if self.take('['):
            while not self.take(']'):
                hasher = self.next() if self.peek() in HASHERS else 'blake2_128_concat'
                key = self.word(); self.next(':'); keys.append((key, self.type_(), hasher)); self.take(',')
        self.next(':')
        t = self.type_()
        optional = self.take('?')
        default = self.literal() if self.take('=') else None
        self.p.storage.append(Storage(name, keys, t, optional, default, docs + self.docs_after()))

    def read_call(self, docs):
        index = self.numbered(self.p.calls, 'call')
        name = self.word(); self.next('(')
        c = Call(index, name, self.fields(')'), docs)
        self.next('by')
        c.origin = self.word()
        if c.origin not in ORIGINS:
            self.fail(f'unknown origin {c.origin!r}')
        while True:
            if self.take('weight'):
                c.weight = self.word() if self.take('by') else self.weight()
            elif self.take('class'):
                c.operation = self.word()
                if c.operation not in ('normal', 'operational', 'mandatory'):
                    self.fail(f'unknown class {c.operation!r}')
            elif self.take('pays'):
                self.next('no'); c.pays = False
            elif self.take('not'):
                self.next('built'); c.built, c.marked = False, True
            else:
                break
        self.p.calls.append(c)

    def weight(self):
        cost = [self.number(), self.number() if self.take('/') else 0, 0, 0]
        while self.take('+'):
            n = self.number()
            unit = self.word()
            if unit not in ('reads', 'read', 'writes', 'write'):
                self.fail(f'expected reads or writes, found {unit!r}')
            cost[2 if unit.startswith('read') else 3] += n
        return tuple(cost)

    def read_api(self):
        """(name, version, [(method, inputs, output)])"""
        name, version, methods = self.word(), self.number(), []
        if self.take('{'):
            while not self.take('}'):
                method = self.word(); self.next('('); inputs = self.fields(')')
                methods.append((method, inputs, self.type_() if self.take('->') else Type('unit')))
        return name, version, methods

    def read_header(self, docs):
        p = self.p
        p.name, p.docs, p.crate = self.word(), docs, self.word() if self.take('@') else ''
        p.crate = p.crate or 'pallet_' + p.name
        while self.peek() in ('instance', 'plain_events'):
            setattr(p, self.next(), True)

    def read(self):
        p = self.p
        while self.more():
            docs = self.docs_before()
            if not self.more():
                break
            what = self.word()
            if what == 'pallet':
                self.read_header(docs)
            elif what == 'uses':
                for name in self.words():
                    if name not in self.others:
                        self.fail(f'unknown pallet {name!r} (it must stand before this one)')
                    p.uses.append(name)
                    self.use(name)
            elif what == 'const':
                name = self.word(); self.next(':'); t = self.type_(); self.next('='); value = self.literal()
                self.bounds[name] = value
                p.consts.append(Const(name, t, value, docs + self.docs_after()))
            elif what in ('struct', 'enum'):
                self.read_named(what, docs)
            elif what == 'storage':
                self.read_storage(docs)
            elif what == 'event':
                index = self.numbered(p.events, 'event')
                name = self.word()
                p.events.append(Variant(index, name, self.payload(), docs + self.docs_after()))
            elif what == 'error':
                index = self.numbered(p.errors, 'error')
                p.errors.append(Variant(index, self.word(), [], docs + self.docs_after()))
            elif what == 'call':
                self.read_call(docs)
            elif what == 'hook':
                name = self.word(); self.next('(')
                p.hooks.append(Hook(name, self.fields(')'), docs + self.docs_after()))
            elif what in ('on_initialize', 'on_finalize'):
                p.block_hooks.append(what)
            else:
                self.at -= 1
                self.fail(f'unknown declaration {what!r}')
        return p


def rules_of(folder):
    """The functions that the pallet's own .c files define: {name}."""
    found = set()
    for file in sorted(os.listdir(folder)):
        if file.endswith('.c'):
            text = open(os.path.join(folder, file)).read()
            found.update(re.findall(r'^(?:dispatch_t|void|weight_t)\s+(\w+)\(', text, re.M))
    return found


def read_runtime(path):
    """The runtime and its pallets.  A call without a rule is as one marked `not built`."""
    root = os.path.join(os.path.dirname(os.path.abspath(path)), '..')
    rt, others, missing, said = Runtime(), {}, [], []
    r = PalletReader(path, {})
    while r.more():
        what = r.word()
        if what == 'runtime':
            rt.name = r.word(); r.next('@'); rt.crate = r.word()
        elif what == 'version':
            name = r.word()
            rt.version[name] = r.number() if r.peek_kind() == 'number' else r.line_text()
        elif what == 'api':
            rt.apis.append(r.read_api())
        elif what == 'types':
            file = r.line_text(' ').split(' for ')[0]
            file = file.replace(' ', '')
            shared = PalletReader(os.path.join(root, file), others, 'support').read()
            for named in shared.types.values():
                named.has_c = r.tokens[r.at - 1][1] != 'metadata'
            shared.file = file
            if 'support' in others:
                shared.types = {**others['support'].types, **shared.types}
            others['support'] = shared
            rt.support = shared
            r.others, r.scope = others, dict(shared.types)
        elif what == 'pallet':
            index, title = r.number(), r.word(); r.next('from'); file = r.line_text()
            p = PalletReader(os.path.join(root, file), others).read()
            p.file, p.index, p.title = file, index, title
            rules = rules_of(os.path.dirname(os.path.join(root, file)))
            for c in p.calls:
                has_rule = f'{p.name}_{c.name}' in rules
                if c.marked and has_rule:
                    said.append(f'{file}: {p.name}.{c.name} is marked `not built` and has a rule')
                elif c.built and not has_rule:
                    c.built = False
                    missing.append(f'{p.name}.{c.name}')
            p.rules = rules
            missing += [f'{c.weight} (a weight)' for c in p.calls if c.built and isinstance(c.weight, str) and c.weight not in rules]
            missing += [f'{p.name}_{hook}' for hook in p.block_hooks if f'{p.name}_{hook}' not in rules]
            if any(not c.built for c in p.calls):
                p.errors.append(Variant(NOT_BUILT, 'CallNotBuilt', [], ['The call is declared, its rule is not built yet.']))
            others[p.name] = p
            rt.pallets.append(p)
            for name, named in p.types.items():
                r.scope.setdefault(name, named)
        elif what == 'extension':
            name = r.word()
            rt.extensions.append((name, Type('named', (r.scope[name],)), r.type_() if r.take('signs') else Type('unit')))
        elif what == 'address':
            rt.address = r.type_()
        elif what == 'signature':
            rt.signature = r.type_()
        elif what == 'wire':
            pallet = r.word(); r.next('.'); hook = r.word(); r.next('->')
            rt.wires.append((pallet, hook, r.words()))
        else:
            r.at -= 1
            r.fail(f'unknown declaration {what!r}')
    by_name = {p.name: p for p in rt.pallets}
    missing += [f'{listener}_{hook}' for _, hook, listeners in rt.wires for listener in listeners
                if f'{listener}_{hook}' not in by_name[listener].rules]
    rt.said = said + ([f'no rule yet, refused as not built: {" ".join(missing)}'] if missing else [])
    return rt

