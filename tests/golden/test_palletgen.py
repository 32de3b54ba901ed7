"""What palletgen makes of small declarations, and what it says about wrong ones."""
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
RUNTIME = '''runtime toy @ toy_runtime
version spec_name toy
version impl_name toy
version authoring_version 1
version spec_version 1
version impl_version 1
version transaction_version 1
version state_version 1
types pallets/types/shared.pallet
pallet 0 System from pallets/system/system.pallet
pallet 7 Toy from pallets/toy/toy.pallet
address MultiAddress
signature [u8; 64]
'''
SHARED = '''enum MultiAddress @ sp_runtime::multiaddress { 0 Id(AccountId) }
enum DispatchError @ sp_runtime { 0 Other, 2 BadOrigin }
'''
TOY = '''pallet toy
const Most: u32 = 4
storage Names[id: u32]: Bytes<Most>?
event 0 Named(id: u32)
error 0 TooLate
call 0 name(id: u32, name: Bytes<Most>) by signed weight 10/2 + 1 reads + 2 writes
'''
RULE = 'dispatch_t toy_name(rt_t *rt, const account_id_t *who, const toy_name_args_t *args)\n{\n}\n'

# (what is added to or replaced in the toy pallet, what is said)
WRONG = [
    (('id: u32, name', 'id: u23, name'), "unknown type 'u23' (did you mean 'u32'?)"),
    (('error 0 TooLate', 'error 0 TooLate\nerror 0 TooEarly'), 'error 0 is declared twice'),
    (('event 0', 'event 0 Gone\nevent 0'), 'event 0 is declared twice'),
    (('Bytes<Most>)', 'Bytes<Least>)'), "unknown constant 'Least'"),
    (('by signed', 'by everyone'), "unknown origin 'everyone'"),
    (('+ 1 reads', '+ 1 guesses'), "expected reads or writes, found 'guesses'"),
    (('error 0', 'eror 0'), "unknown declaration 'eror'"),
    (('const Most: u32 = 4', 'const Most: u32 = 4\nuses nobody'), "unknown pallet 'nobody'"),
    (('by signed', 'by ~signed'), "cannot read '~signed"),
    (('id: u32, name', 'id: u32, id: u32, name'), "'id' is declared twice"),
]


def run(toy, rule=RULE):
    """(exit code, output, {file: text}) of palletgen over a runtime of two pallets."""
    with tempfile.TemporaryDirectory() as top:
        files = {'runtime/toy.runtime': RUNTIME, 'pallets/types/shared.pallet': SHARED,
                 'pallets/system/system.pallet': 'pallet system @ frame_system\nstorage Number: u32\n',
                 'pallets/toy/toy.pallet': toy, 'pallets/toy/toy.c': rule}
        for name, text in files.items():
            os.makedirs(os.path.join(top, os.path.dirname(name)), exist_ok=True)
            open(os.path.join(top, name), 'w').write(text)
        out = os.path.join(top, 'gen')
        done = subprocess.run([sys.executable, os.path.join(ROOT, 'tools', 'palletgen'), os.path.join(top, 'runtime/toy.runtime'), out],
                              capture_output=True, text=True)
        made = {name: open(os.path.join(out, name)).read() for name in os.listdir(out) if '.' in name} if done.returncode == 0 else {}
        return done.returncode, done.stdout + done.stderr, made


def checks():
    code, said, made = run(TOY)
    yield 'a good pallet is made', code == 0, said
    header, source, codec = (made.get(name, '') for name in ('toy_pallet.h', 'toy_pallet.c', 'toy_codec.c'))
    yield 'its rule has a prototype', RULE.split('\n')[0] + ';' in header, header
    yield 'its storage has accessors', 'bool toy_names_get(rt_t *rt, uint32_t id, bytes_t *out);' in header, header
    yield 'its error has the number of the pallet', 'TOY_TOO_LATE = DISPATCH_MODULE(7, 0)' in header, header
    yield 'its event is emitted with its numbers', 'rt_event_start(rt, 7, 0)' in source, source
    yield 'its weight counts reads and writes', '{UINT64_C(225000010), 2}' in source, source
    yield 'its bound is enforced', 'call->name.name = scale_get_bytes(r, 4);' in codec, codec
    yield 'a second run makes the same', run(TOY)[2] == made, ''
    code, said, made = run(TOY, '')
    yield 'a call without a rule is said', 'toy.name' in said, said
    code, said, made = run(TOY.replace('by signed', 'by signed not built'), '')
    yield 'a call that is marked is refused', code == 0 and 'return TOY_CALL_NOT_BUILT;' in made['toy_pallet.c'], said
    yield 'a marked call with a rule is said', 'has a rule' in run(TOY.replace('by signed', 'by signed not built'))[1], ''
    for (old, new), message in WRONG:
        code, said, _ = run(TOY.replace(old, new, 1))
        yield f'said: {message}', code != 0 and message in said and '.pallet' in said, said


def main():
    passed = failed = 0
    for name, ok, found in checks():
        passed, failed = passed + bool(ok), failed + (not ok)
        if not ok:
            print(f'not so: {name}\n{found}')
    print(f'{passed} passed, {failed} failed')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
