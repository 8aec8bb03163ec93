Anna manggon ing Lisbon.
Kreteg tuwa iku ngliwati kali Vistula.
Awakdhewe tuku apel abang telu.
Omar ora mangsuli layang iku.
Iya, museume bukak jam sanga.
Dokter Lindqvist kerja ing Rumah Sakit Santa Klara.
Amarga udan, bocah-bocah tetep ana ing omah.
Mbakyuku lan bojone pindhah menyang Nairobi ing taun 1998.
Apa kowe bisa weruh gunung kae?
Bank Plabuhan mbukak kantor cilik ing Quito.
Guru iku menehi saben murid buku loro.
Maria Costa nulis tembang bab segara.
Dheweke kabeh bakal ngedol prau iku minggu ngarep.
Sepur saka Wina menyang Praha telat.
Ing kene teh luwih murah tinimbang kopi.
Dheweke kandha yen sop iku kasinen.
Teater Dimar Biru ngundang Kenji Mori menyang Osaka.
Adhuh, aku lali kunciku!
Ora ana sing ngerti wangsulane.
Yen angine mandheg, awakdhewe bisa lelayaran menyang Malta.
Para tani saka Paguyuban Lembah Ijo nandur 400 wit.
Kucinge sing putih turu ing ngisor meja.
Wong enom kerep ninggalake desa.
Elena lan Tomas ketemu ing ngarep perpustakaan.
