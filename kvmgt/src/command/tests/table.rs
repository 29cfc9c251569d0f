// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The table is what is known of the C GVT-g, row by row.

use super::*;
use crate::command::table::{Action, Length, Opcode, TABLE};

/// A row of what is known.
#[derive(Debug)]
struct Fact {
    name: &'static str,
    opcode: Opcode,
    engines: Vec<&'static str>,
    platforms: Vec<&'static str>,
    length: Length,
    has_addresses: bool,
}

fn number(text: &str) -> u32 {
    match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
        None => text.parse().unwrap(),
    }
}

fn facts() -> Vec<Fact> {
    let lines = include_str!("commands.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [name, opcode, bits, engines, platforms, length, addresses] = fields[..] else {
                panic!("{line}");
            };
            let opcode = number(opcode);
            let length: Vec<_> = length.split(':').collect();
            Fact {
                name,
                opcode: match bits {
                    "31:23" => Opcode::Mi(opcode),
                    // Client 2 stands in front.
                    "31:22" => Opcode::Blit(opcode - 0x100),
                    "31:16" => Opcode::Gfx(opcode),
                    _ => panic!("{line}"),
                },
                engines: engines.split('|').collect(),
                platforms: platforms.split('|').collect(),
                length: match length[..] {
                    ["fixed", dwords] => Length::Fixed(number(dwords)),
                    ["field", mask] => Length::Field(number(mask)),
                    ["equal", mask, dwords] => Length::Equal(number(mask), number(dwords)),
                    _ => panic!("{line}"),
                },
                has_addresses: addresses != "-",
            }
        })
        .collect()
}

#[test]
fn table_when_compared_row_by_row_then_it_is_what_is_known() {
    let facts = facts();
    assert_eq!(facts.len(), 225);
    for fact in &facts {
        let row = TABLE.iter().find(|row| row.name == fact.name);
        let row = row.unwrap_or_else(|| panic!("{} is missing", fact.name));
        assert_eq!(row.opcode, fact.opcode, "{}", fact.name);
        assert_eq!(row.length, fact.length, "{}", fact.name);
        for engine in Engine::ALL {
            let known = fact.engines.contains(&engine.name());
            assert_eq!(row.engines.contains(engine), known, "{}", fact.name);
        }
        for platform in Platform::ALL {
            let name = match platform {
                Platform::Cml => "cfl",
                other => other.name(),
            };
            let known = fact.platforms.contains(&name.to_uppercase().as_str());
            assert_eq!(row.platforms.contains(platform), known, "{}", fact.name);
        }
    }
}

#[test]
fn table_when_searched_then_it_is_sorted_and_each_command_is_found_once() {
    assert!(TABLE.is_sorted_by(|a, b| a.opcode <= b.opcode));
    for (index, row) in TABLE.iter().enumerate() {
        let header = match row.opcode {
            Opcode::Mi(opcode) => opcode << 23,
            Opcode::Blit(opcode) => 2 << 29 | opcode << 22,
            Opcode::Gfx(opcode) => opcode << 16,
        };
        assert_eq!(Opcode::of(header), Some(row.opcode), "{}", row.name);
        for engine in Engine::ALL {
            let found = crate::command::table::find(Platform::Skl, engine, header);
            match row.engines.contains(engine) {
                true => assert!(core::ptr::eq(found.unwrap(), row), "{}", row.name),
                false => assert!(found.is_none_or(|r| r.name != row.name), "{}", row.name),
            }
        }
        let others = TABLE[index + 1..].iter();
        for other in others.filter(|other| other.opcode == row.opcode) {
            let both = |engine| row.engines.contains(engine) && other.engines.contains(engine);
            assert!(!Engine::ALL.into_iter().any(both), "{}", row.name);
        }
    }
}

#[test]
fn table_when_a_command_that_chooses_the_ggtt_has_an_address_then_it_is_looked_at() {
    for fact in facts().iter().filter(|fact| fact.has_addresses) {
        let row = TABLE.iter().find(|row| row.name == fact.name).unwrap();
        let mi = matches!(row.opcode, Opcode::Mi(_)) || row.name == "PIPE_CONTROL";
        assert_eq!(row.action != Action::Pass, mi, "{}", row.name);
    }
}

#[test]
fn commands_without_operands_that_matter_when_of_any_length_then_pass_untouched() {
    for row in TABLE.iter().filter(|row| row.action == Action::Pass) {
        let engine = Engine::ALL.into_iter().find(|e| row.engines.contains(*e));
        let header = match row.opcode {
            Opcode::Mi(opcode) => opcode << 23,
            Opcode::Blit(opcode) => 2 << 29 | opcode << 22,
            Opcode::Gfx(opcode) => opcode << 16,
        };
        let headers = match row.length {
            Length::Fixed(dwords) => [(header, dwords); 2],
            Length::Equal(_, dwords) => [(header | (dwords - 2), dwords); 2],
            Length::Field(mask) => [(header | mask.min(0xfff), mask.min(0xfff) + 2), (header, 2)],
        };
        for (header, dwords) in headers {
            let mut commands = std::vec![FOREIGN; dwords as usize];
            commands[0] = header;
            let verdict = submit_to(&setting(engine.unwrap()), &commands).unwrap();
            assert_eq!(verdict.streams[0].dwords[..commands.len()], commands);
            assert!(verdict.effects.is_empty() && !verdict.user_interrupt && !verdict.notify);
        }
    }
}
