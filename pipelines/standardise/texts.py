"""What people read of standardisation, in Chinese."""

NO_PERSON = "这一行没有姓名，也没有身份证号，无法对应到人。请在原表补齐后重新报送。"
NO_IDENTITY = "姓名无法辨认，身份证号也不可用，无法对应到人。请核对姓名和身份证号后重新报送。"
NO_PLACE = "底册这一行缺少村（社区）代码、网格编码或地址，无法落到房屋。请补齐后重新报送。"
