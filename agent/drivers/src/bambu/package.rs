//! The archive in which the machine wants its G-code: what its firmware looks for, and nothing else.

use crate::broker::{Member, Packing};

/// The G-code's place in the archive; a start names it.
pub(super) const PLATE: &str = "Metadata/plate_1.gcode";

const TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/><Default Extension="gcode" ContentType="text/x.gcode"/></Types>
"#;

const RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel-1" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>
"#;

const MODEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en-US" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources></resources><build></build></model>
"#;

const SLICE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<config><plate><metadata key="index" value="1"/></plate></config>
"#;

/// How content of that kind is packed; none if the machine cannot print it.
pub(super) fn packing(extension: &str) -> Option<Packing> {
    match extension.to_ascii_lowercase().as_str() {
        "3mf" | "gcode.3mf" => Some(Packing::Plain),
        "gcode" | "gco" | "g" => {
            let members = [
                ("[Content_Types].xml", TYPES),
                ("_rels/.rels", RELATIONS),
                ("3D/3dmodel.model", MODEL),
                ("Metadata/slice_info.config", SLICE),
            ];
            let beside = members.map(|(name, text)| Member { name, text: text.to_owned() }).to_vec();
            Some(Packing::Zip { content: PLATE, md5: "Metadata/plate_1.gcode.md5", beside })
        }
        _ => None,
    }
}
